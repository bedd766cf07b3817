"""Profiles: which server, as whom. The file has no secrets; they are in the system's key store or in a file of 0600."""

from __future__ import annotations

import os
import re
import stat
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fotapool.cli.client.failures import UsageError

DIRECTORY_VARIABLE = "FOTAPOOL_PROFILE_DIR"
KEY_STORE_SERVICE = "fotapool"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
SECRETS = ("client-secret", "password", "operator-key")
"""What is never written into the file of profiles, never printed, and taken from no option."""
KEY_STORE, FILE, ENVIRONMENT = "keystore", "file", "environment"
MAX_PROFILES = 1000


@dataclass(frozen=True, slots=True)
class Profile:
    """`kept` says where the secrets are: the system's key store, the file beside this one, or the environment."""

    name: str
    address: str
    client_key: str = ""
    user: str = ""
    ca_file: str = ""
    kept: str = ENVIRONMENT

    def as_table(self) -> dict[str, str]:
        table = {
            "address": self.address,
            "client-key": self.client_key,
            "user": self.user,
            "ca-file": self.ca_file,
            "secrets": self.kept,
        }
        return {key: value for key, value in table.items() if value}


def directory() -> Path:
    """Where the two files are: FOTAPOOL_PROFILE_DIR, or the system's place for a user's settings."""
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
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, tomllib.TOMLDecodeError, UnicodeError) as error:
        raise UsageError(f"{path} cannot be read: {error}", "Correct the file, or move it away.") from error


def read_profiles() -> dict[str, Profile]:
    """By name. Raises UsageError if the file is not as `fotapool profiles add` writes it."""
    found: dict[str, Profile] = {}
    tables = _read(profiles_path()).get("profiles", {})
    for name, table in list(tables.items())[:MAX_PROFILES] if isinstance(tables, dict) else []:
        if not isinstance(table, dict) or not all(isinstance(value, str) for value in table.values()):
            raise UsageError(f"{profiles_path()}: [profiles.{name}] must have texts only", "Correct the file.")
        if not table.get("address"):
            raise UsageError(f"{profiles_path()}: [profiles.{name}] has no address", "Correct the file.")
        found[name] = Profile(
            name=name,
            address=table["address"].rstrip("/"),
            client_key=table.get("client-key", ""),
            user=table.get("user", ""),
            ca_file=table.get("ca-file", ""),
            kept=table.get("secrets", ENVIRONMENT),
        )
    return found


def write_profile(profile: Profile | None, name: str) -> None:
    """Adds, replaces or (with None) removes the profile; what else the file has, comments too, stays."""
    import tomlkit

    path = profiles_path()
    try:
        document = tomlkit.parse(path.read_text(encoding="utf-8")) if path.exists() else tomlkit.document()
        tables: Any = document.setdefault("profiles", tomlkit.table(is_super_table=True))
        if profile is None:
            tables.pop(name, None)
        else:
            tables[name] = profile.as_table()
        _write(path, tomlkit.dumps(document), 0o644)
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error}", f"Set {DIRECTORY_VARIABLE} to a directory.") from error


def _write(path: Path, text: str, mode: int) -> None:
    """Whole or not at all, and never readable by others for a moment, where it is not to be."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    with open(os.open(beside, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode), "w", encoding="utf-8") as file:
        file.write(text)
    beside.replace(path)


def key_store() -> Any:
    """The system's key store as keyring found it, or None where there is none."""
    import keyring
    from keyring.backends import fail, null

    backend = keyring.get_keyring()
    return None if isinstance(backend, fail.Keyring | null.Keyring) else backend


def read_secret(profile: Profile, secret: str) -> str:
    """ "" if there is none. Raises UsageError."""
    if profile.kept == KEY_STORE:
        return _from_key_store(profile.name, secret)
    if profile.kept == FILE:
        path = secrets_path()
        if os.name == "posix" and path.exists() and stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise UsageError(f"{path} has secrets and others can read it", f"Run: chmod 600 {path}")
        return str(_read(path).get(profile.name, {}).get(secret, ""))
    return ""


def _from_key_store(name: str, secret: str) -> str:
    from keyring.errors import KeyringError

    store = key_store()
    if store is None:
        raise UsageError(
            f"the secrets of profile {name} are in the system's key store, and none answers here",
            f"Unlock it, or add the profile again with `fotapool profiles add {name} --secrets file`.",
        )
    try:
        return store.get_password(KEY_STORE_SERVICE, f"{name}:{secret}") or ""
    except KeyringError as error:
        raise UsageError(
            f"the system's key store did not give the {secret}: {error}", "Unlock it, then try again."
        ) from (error)


def write_secrets(name: str, kept: str, secrets: dict[str, str]) -> None:
    """Keeps them under the profile's name. Raises UsageError."""
    if kept == FILE and secrets:
        _write_secrets_file(name, secrets)
    if kept != KEY_STORE:
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
            f"the system's key store did not take the secrets: {error}", "Unlock it, or use --secrets file."
        ) from error


def delete_secrets(profile: Profile) -> None:
    """Takes them out of wherever they are."""
    _delete_in_file(profile.name)
    if profile.kept == KEY_STORE:
        _delete_in_key_store(profile.name)


def _write_secrets_file(name: str, secrets: dict[str, str] | None) -> None:
    import tomlkit

    kept = _read(secrets_path())
    kept.pop(name, None)
    if secrets:
        kept[name] = secrets
    try:
        _write(secrets_path(), tomlkit.dumps(kept), 0o600)
    except OSError as error:
        raise UsageError(f"{secrets_path()} cannot be written: {error}", f"Set {DIRECTORY_VARIABLE}.") from error


def _delete_in_file(name: str) -> None:
    if name in _read(secrets_path()):
        _write_secrets_file(name, None)


def _delete_in_key_store(name: str) -> None:
    from keyring.errors import KeyringError

    store = key_store()
    for secret in SECRETS if store is not None else ():
        try:
            store.delete_password(KEY_STORE_SERVICE, f"{name}:{secret}")
        except KeyringError:
            continue  # there was none
