"""Which server a command talks to, and as whom: an option, a profile, the environment, or this machine's emulator."""

from __future__ import annotations

import ipaddress
import os
from dataclasses import dataclass
from urllib.parse import urlsplit

from fotapool.cli.client.failures import UsageError
from fotapool.cli.client.profiles.profile_file import Profile, profiles_path, read_profiles, read_secret

ADDRESS = "http://127.0.0.1:8080"
"""Where `fotapool emulate`, `serve` and `demo` listen if nobody says otherwise."""
EXAMPLE = {
    "FOTAPOOL_CLIENT_KEY": "demo-key",
    "FOTAPOOL_CLIENT_SECRET": "demo-secret",
    "FOTAPOOL_USER": "zbeeblebrox",
    "FOTAPOOL_PASSWORD": "IMgr8",
    "FOTAPOOL_OPERATOR_KEY": "operator",
}
"""Client and user of the seed documents in README.md and docs/, and the emulator's own operator key. They are sent to
this machine only, when nothing else is known."""
_VARIABLES = {
    "client-secret": "FOTAPOOL_CLIENT_SECRET",
    "password": "FOTAPOOL_PASSWORD",
    "operator-key": "FOTAPOOL_OPERATOR_KEY",
}


def is_this_machine(address: str) -> bool:
    host = urlsplit(address).hostname or ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def check_address(address: str) -> str:
    """The address without a slash at the end. Raises UsageError."""
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.query or parts.fragment:
        raise UsageError(
            f"{address!r} is no address of a server", f"Give one like {ADDRESS}, without anything after it."
        )
    return address.rstrip("/").removesuffix("/api")


@dataclass(frozen=True, slots=True)
class Target:
    """A server, and where its secrets come from."""

    address: str
    profile: Profile | None = None

    @property
    def words(self) -> str:
        return f"{self.address} (profile {self.profile.name})" if self.profile else self.address

    @property
    def ca_file(self) -> str:
        return (self.profile.ca_file if self.profile else "") or os.environ.get("FOTAPOOL_CA_FILE", "")

    @property
    def is_guessed(self) -> bool:
        """Whether the example's client and user are tried, for lack of others."""
        return self.profile is None and not os.environ.get("FOTAPOOL_CLIENT_KEY")

    def client(self) -> tuple[str, str]:
        """Key and secret. Raises UsageError."""
        given = self.profile.client_key if self.profile else ""
        return given or self._known("client key", "FOTAPOOL_CLIENT_KEY"), self.secret("client-secret")

    def user(self) -> tuple[str, str]:
        """Name and password. Raises UsageError."""
        given = self.profile.user if self.profile else ""
        return given or self._known("user name", "FOTAPOOL_USER"), self.secret("password")

    def secret(self, secret: str) -> str:
        """Raises UsageError that says where it was looked for."""
        kept = read_secret(self.profile, secret) if self.profile else ""
        return kept or self._known(secret.replace("-", " "), _VARIABLES[secret])

    def _known(self, what: str, variable: str) -> str:
        value = os.environ.get(variable, "")
        if not value and self.profile is None and is_this_machine(self.address):
            value = EXAMPLE[variable]
        if value:
            return value
        name = self.profile.name if self.profile else "NAME"
        raise UsageError(
            f"no {what} for {self.words}",
            f"Set {variable}, or keep it: fotapool profiles add {name} --address {self.address}",
        )


def choose_target(profile: str | None, address: str | None) -> Target:
    """`profile` and `address` are the options. Raises UsageError."""
    if address:
        return Target(check_address(address), _profile(profile) if profile else None)
    if profile:
        found = _profile(profile)
        return Target(check_address(found.address), found)
    return Target(check_address(os.environ.get("FOTAPOOL_ADDRESS") or ADDRESS))


def _profile(name: str) -> Profile:
    profiles = read_profiles()
    if name not in profiles:
        known = ", ".join(profiles) or "none"
        raise UsageError(
            f"no profile {name!r} in {profiles_path()}; there: {known}", f"Make it: fotapool profiles add {name}"
        )
    return profiles[name]
