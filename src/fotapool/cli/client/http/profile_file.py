"""Profiles: servers and credentials by name. Secrets are stored apart: in the system's key store or a private file."""

from __future__ import annotations

import os
import re
import stat
import tomllib
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from fotapool.cli.client.failures import UsageError

DIRECTORY_VARIABLE = "FOTAPOOL_PROFILE_DIR"
KEY_STORE_SERVICE = "fotapool"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
VARIABLES = {
    "client-secret": "FOTAPOOL_CLIENT_SECRET",
    "password": "FOTAPOOL_PASSWORD",
    "operator-key": "FOTAPOOL_OPERATOR_KEY",
}
"""The secrets, with the environment variable of each. They are never written to profiles.toml, printed or taken from
options.
"""
SECRETS = tuple(VARIABLES)
KEY_STORE, FILE, ENVIRONMENT = STORES = "keystore", "file", "environment"
MAX_PROFILES = 1000


class Profile(msgspec.Struct, frozen=True):
    """One profile. `secret_store` is where its secrets are: KEY_STORE, FILE or ENVIRONMENT."""

    name: str
    address: str
    client_key: str = ""
    user: str = ""
    ca_file: str = ""
    secret_store: str = ENVIRONMENT

    def as_table(self) -> dict[str, str]:
        table = {
            "address": self.address,
            "client-key": self.client_key,
            "user": self.user,
            "ca-file": self.ca_file,
            "secrets": self.secret_store,
        }
        return {key: value for key, value in table.items() if value}


def directory() -> Path:
    """The directory of both files: FOTAPOOL_PROFILE_DIR, or the user's configuration directory."""
    given = os.environ.get(DIRECTORY_VARIABLE)
    if given:
        return Path(given)
    from platformdirs import user_config_path

    return user_config_path("fotapool", appauthor=False)


def profiles_path() -> Path:
    return directory() / "profiles.toml"


def secrets_path() -> Path:
    return directory() / "secrets.toml"


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        return {}
    except UnicodeError as error:
        raise UsageError(f"{path} is not UTF-8 text", "Save it as UTF-8.") from error
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"{path} cannot be read: {error}", "Correct the file, or move it away.") from error


def read_profiles() -> dict[str, Profile]:
    """The profiles by name. Raises UsageError if the file is not valid."""
    found: dict[str, Profile] = {}
    tables = _read(profiles_path()).get("profiles", {})
    if not isinstance(tables, dict):
        raise UsageError(f"{profiles_path()}: profiles must be a table", "Correct the file, or move it away.")
    for name, table in list(tables.items())[:MAX_PROFILES]:
        if not isinstance(table, dict) or not all(isinstance(value, str) for value in table.values()):
            raise UsageError(f"{profiles_path()}: [profiles.{name}] must contain only strings", "Correct the file.")
        if not table.get("address"):
            raise UsageError(f"{profiles_path()}: [profiles.{name}] has no address", "Correct the file.")
        if table.get("secrets", ENVIRONMENT) not in STORES:
            raise UsageError(
                f"{profiles_path()}: [profiles.{name}] has secrets = {table['secrets']!r}",
                f"Expected one of {', '.join(STORES)}.",
            )
        found[name] = Profile(
            name=name,
            address=table["address"].rstrip("/"),
            client_key=table.get("client-key", ""),
            user=table.get("user", ""),
            ca_file=table.get("ca-file", ""),
            secret_store=table.get("secrets", ENVIRONMENT),
        )
    return found


def write_profile(profile: Profile | None, name: str) -> None:
    """Adds or replaces the profile, or removes it if None. Other contents of the file, also comments, are preserved."""
    import tomlkit

    path = profiles_path()
    try:
        document = tomlkit.parse(path.read_text(encoding="utf-8-sig")) if path.exists() else tomlkit.document()
        tables: Any = document.setdefault("profiles", tomlkit.table(is_super_table=True))
        if profile is None:
            tables.pop(name, None)
        else:
            tables[name] = profile.as_table()
        _write(path, tomlkit.dumps(document), 0o644)
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error}", f"Set {DIRECTORY_VARIABLE} to a directory.") from error


def _write(path: Path, text: str, mode: int) -> None:
    """Replaces the file atomically; it has the mode from its creation on."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    with open(os.open(beside, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode), "w", encoding="utf-8") as file:
        file.write(text)
    beside.replace(path)


def key_store() -> Any:
    """The system's key store as keyring finds it; None if there is none."""
    import keyring
    from keyring.backends import fail, null

    backend = keyring.get_keyring()
    return None if isinstance(backend, fail.Keyring | null.Keyring) else backend


def read_secret(profile: Profile, secret: str) -> str:
    """The secret, or "" if it is not stored. Raises UsageError if the store cannot be read."""
    if profile.secret_store == KEY_STORE:
        return _from_key_store(profile.name, secret)
    if profile.secret_store == FILE:
        path = secrets_path()
        if os.name == "posix" and path.exists() and stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise UsageError(f"{path} contains secrets but is readable by others", f"Run: chmod 600 {path}")
        stored = _read(path).get(profile.name, {})
        if not isinstance(stored, dict) or not all(isinstance(value, str) for value in stored.values()):
            raise UsageError(f"{path}: [{profile.name}] must contain only strings", "Correct the file.")
        return str(stored.get(secret, ""))
    return ""


def _from_key_store(name: str, secret: str) -> str:
    from keyring.errors import KeyringError

    store = key_store()
    if store is None:
        raise UsageError(
            f"the secrets of profile {name} are in the system's key store, which is not available",
            f"Unlock it, or add the profile again with `fotapool profiles add {name} --secrets file`.",
        )
    try:
        return store.get_password(KEY_STORE_SERVICE, f"{name}:{secret}") or ""
    except KeyringError as error:
        raise UsageError(
            f"the system's key store did not return the {secret}: {error}", "Unlock it, then try again."
        ) from error


def write_secrets(name: str, secret_store: str, secrets: dict[str, str]) -> None:
    """Stores the secrets under the profile's name. Raises UsageError."""
    if secret_store == FILE and secrets:
        _write_secrets_file(name, secrets)
    if secret_store != KEY_STORE:
        return
    from keyring.errors import KeyringError

    store = key_store()
    if store is None:
        raise UsageError("this system has no key store", "Use --secrets file, or --secrets environment.")
    try:
        for secret, value in secrets.items():
            store.set_password(KEY_STORE_SERVICE, f"{name}:{secret}", value)
    except KeyringError as error:
        raise UsageError(
            f"the system's key store did not accept the secrets: {error}", "Unlock it, or use --secrets file."
        ) from error


def delete_secrets(profile: Profile) -> None:
    """Deletes the profile's secrets from the file and the key store."""
    if profile.name in _read(secrets_path()):
        _write_secrets_file(profile.name, {})
    if profile.secret_store != KEY_STORE:
        return
    from keyring.errors import KeyringError

    store = key_store()
    for secret in SECRETS if store is not None else ():
        with suppress(KeyringError):  # it was not stored
            store.delete_password(KEY_STORE_SERVICE, f"{profile.name}:{secret}")


def _write_secrets_file(name: str, secrets: dict[str, str]) -> None:
    import tomlkit

    stored = {**_read(secrets_path()), name: secrets}
    try:
        _write(secrets_path(), tomlkit.dumps({one: values for one, values in stored.items() if values}), 0o600)
    except OSError as error:
        raise UsageError(f"{secrets_path()} cannot be written: {error}", f"Set {DIRECTORY_VARIABLE}.") from error
