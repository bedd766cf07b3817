"""Packages of firmware or software: what the operator says of them, and when they have proven themselves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from fotapool.domain.devices.devices import MAX_TEXT, NO_PROTOCOL, parse_protocol
from fotapool.domain.errors import Invalid

PILOT_DEVICES = 20
"""How many devices a campaign has at most until its package or file has proven itself (rule U10)."""
PILOT_RESULTS_NEEDED, PILOT_SUCCESS = 5, 0.5
"""On how many devices it has to be tried for that, and the share of them that has to succeed (rule U10)."""

DEFAULT_PLATFORM = "IoT"
"""The `devicePlatformId` of the published examples."""
MAX_RELEASE_NOTE = 4_000
"""How long a release note may be, in characters."""


@dataclass(frozen=True, slots=True)
class NewPackage:
    """A package as the operator describes it; it takes devices of that make and model from one version to another."""

    name: str
    make: str
    model: str
    from_version: str
    to_version: str
    protocol: str
    launched_ms: int
    release_note: str = ""
    platform: str = DEFAULT_PLATFORM
    pilot_passed: bool = False


class Package(NamedTuple):
    """A row; `content_size` (bytes) and `content_sha256` are None while the package has no content."""

    id: int
    name: str
    make: str
    model: str
    from_version: str
    to_version: str
    protocol: str
    platform: str
    release_note: str
    launched_ms: int
    pilot_passed: int
    """Whether the operator has lifted the pilot rule; see `pilot_has_passed`."""
    succeeded: int
    failed: int
    content_size: int | None
    content_sha256: str | None


def pilot_has_passed(by_operator: bool, succeeded: int, failed: int) -> bool:
    """Whether campaigns of the package or file may have any number of devices (rule U10)."""
    tried = succeeded + failed
    return by_operator or (tried >= PILOT_RESULTS_NEEDED and succeeded >= PILOT_SUCCESS * tried)


def check_package(package: NewPackage) -> None:
    """Raises Invalid that says which member is wrong."""
    texts = {
        "firmwareName": package.name,
        "make": package.make,
        "model": package.model,
        "fromVersion": package.from_version,
        "toVersion": package.to_version,
        "platformId": package.platform,
    }
    for name, text in texts.items():
        if not 0 < len(text) <= MAX_TEXT or not text.isprintable():
            raise Invalid(f"{name} must be 1 to {MAX_TEXT} printable characters")
    if "/" in package.name or package.name in (".", ".."):
        raise Invalid("firmwareName must not be . or .. nor hold a slash: it is part of a path of the operator plane")
    if package.from_version == package.to_version:
        raise Invalid("fromVersion and toVersion must differ")
    if package.protocol == NO_PROTOCOL or parse_protocol(package.protocol) != package.protocol:
        raise Invalid(f"protocol must be LWM2M, OMADM or HTTP, not {package.protocol[:40]!r}")
    check_release_note(package.release_note)


def check_release_note(text: str) -> None:
    """Raises Invalid for a note that is too long or holds control characters other than tabs and line ends."""
    if len(text) > MAX_RELEASE_NOTE or not all(character.isprintable() or character in "\t\r\n" for character in text):
        raise Invalid(f"releaseNote must be at most {MAX_RELEASE_NOTE} characters, and only printable ones")
