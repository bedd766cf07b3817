"""The server a command talks to, and its credentials: from options, a profile, the environment, or defaults."""

from __future__ import annotations

import ipaddress
import os
from urllib.parse import quote, urlsplit

import msgspec

from fotapool.cli.client.failures import UsageError
from fotapool.cli.client.http.profile_file import VARIABLES, Profile, profiles_path, read_profiles, read_secret

ADDRESS = "http://127.0.0.1:8080"
"""The default address of `fotapool emulate`, `serve` and `demo`."""
EXAMPLE = {
    "FOTAPOOL_CLIENT_KEY": "demo-key",
    "FOTAPOOL_CLIENT_SECRET": "demo-secret",
    "FOTAPOOL_USER": "zbeeblebrox",
    "FOTAPOOL_PASSWORD": "IMgr8",
    "FOTAPOOL_OPERATOR_KEY": "operator",
}
"""Credentials of the seed documents in README.md and docs/. They are only sent to loopback addresses, and only when no
others are given."""


OF_CLIENTS = ("FOTAPOOL_CLIENT_KEY", "FOTAPOOL_CLIENT_SECRET", "FOTAPOOL_USER", "FOTAPOOL_PASSWORD")


def is_loopback(address: str) -> bool:
    host = urlsplit(address).hostname or ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def check_address(address: str) -> str:
    """The address without a trailing slash. Raises UsageError."""
    if not _is_address(address):
        raise UsageError(
            f"{address!r} is not the address of a server",
            f"Expected one like {ADDRESS}, or with the path prefix of a proxy: https://tools.example.com/fota.",
        )
    return address.rstrip("/").removesuffix("/api")


def _is_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        has_port = parts.port != 0
    except ValueError:
        return False
    has_more = parts.username or parts.query or parts.fragment
    return parts.scheme in ("http", "https") and bool(parts.hostname) and has_port and not has_more


def segment(text: object) -> str:
    """A value as one segment of a URL's path."""
    return quote(str(text), safe="")


class Target(msgspec.Struct, frozen=True):
    """A server and the source of its credentials."""

    address: str
    profile: Profile | None = None
    is_elsewhere: bool = False
    """Whether the address is not that of the profile, whose secrets are not sent to it then."""

    @property
    def label(self) -> str:
        return f"{self.address} (profile {self.profile.name})" if self.profile else self.address

    @property
    def ca_file(self) -> str:
        return (self.profile.ca_file if self.profile else "") or os.environ.get("FOTAPOOL_CA_FILE", "")

    @property
    def uses_example(self) -> bool:
        """Whether EXAMPLE's client and user are sent, because no others are given."""
        return self.profile is None and not any(os.environ.get(name) for name in OF_CLIENTS)

    def client(self) -> tuple[str, str]:
        """Client key and secret. Raises UsageError if either is unknown."""
        given = self.profile.client_key if self.profile else ""
        return given or self._from_environment("client key", "FOTAPOOL_CLIENT_KEY"), self.secret("client-secret")

    def user(self) -> tuple[str, str]:
        """User name and password. Raises UsageError if either is unknown."""
        given = self.profile.user if self.profile else ""
        return given or self._from_environment("user name", "FOTAPOOL_USER"), self.secret("password")

    def secret(self, name: str) -> str:
        """One of SECRETS. Raises UsageError if it is unknown."""
        stored = read_secret(self.profile, name) if self.profile and not self.is_elsewhere else ""
        return stored or self._from_environment(name.replace("-", " "), VARIABLES[name])

    def operator_key(self) -> str:
        """Raises UsageError if it is unknown, or if it cannot be sent in a header."""
        key = self.secret("operator-key")
        if not key.isascii() or not key.isprintable() or " " in key:
            raise UsageError(
                f"the operator key for {self.label} has a character that no key has",
                "A key is visible ASCII characters: look for blanks, line ends and quotation marks around it.",
            )
        return key

    def _from_environment(self, label: str, variable: str) -> str:
        value = os.environ.get(variable, "")
        if not value and self.profile is None and is_loopback(self.address):
            value = EXAMPLE[variable]
        try:
            value.encode()
        except UnicodeError as error:
            raise UsageError(f"{variable} is not UTF-8 text", "Set it again in a shell that uses UTF-8.") from error
        if value:
            return value
        name = self.profile.name if self.profile and not self.is_elsewhere else "NAME"
        note = ": secrets of a profile are only sent to its own address" if self.is_elsewhere else ""
        raise UsageError(
            f"no {label} for {self.label}{note}",
            f"Set {variable}, or store it: fotapool profiles add {name} --address {self.address}",
        )


def choose_target(profile: str | None, address: str | None) -> Target:
    """The server for the values of --profile and --address. Raises UsageError."""
    found = find_profile(profile) if profile else None
    default = found.address if found else os.environ.get("FOTAPOOL_ADDRESS") or ADDRESS
    chosen = check_address(address or default)
    return Target(chosen, found, is_elsewhere=found is not None and chosen != check_address(found.address))


def find_profile(name: str) -> Profile:
    """Raises UsageError if there is no such profile."""
    profiles = read_profiles()
    if name not in profiles:
        known = ", ".join(profiles) or "none"
        raise UsageError(
            f"no profile {name!r} in {profiles_path()}; known profiles: {known}",
            f"Create it: fotapool profiles add {name} --address URL",
        )
    return profiles[name]
