"""Firmware and software packages: their description by the operator, and the pilot rule (U10)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from fotapool.domain.devices.devices import MAX_TEXT, NO_PROTOCOL, PROTOCOLS
from fotapool.domain.errors import Invalid

PILOT_DEVICES = 20
"""Maximum number of devices of a campaign until its package or file has passed its pilot (rule U10)."""
PILOT_RESULTS_NEEDED, PILOT_SUCCESS = 5, 0.5
"""A pilot passes after at least 5 results, of which at least half succeeded (rule U10)."""

PACKAGE_PROTOCOLS = tuple(protocol for protocol in PROTOCOLS if protocol != NO_PROTOCOL)
"""The protocols that devices can be upgraded by."""
DEFAULT_PLATFORM = "IoT"
"""The `devicePlatformId` of the published examples."""
MAX_RELEASE_NOTE = 4_000
"""Maximum length of a release note in characters."""


@dataclass(frozen=True, slots=True)
class PackageTraits:
    """What a package is known by: it upgrades devices of one make and model from one version to another."""

    name: str
    make: str
    model: str
    from_version: str
    to_version: str
    protocol: str


@dataclass(frozen=True, slots=True)
class NewPackage(PackageTraits):
    """A package to be created."""

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
    """1 if the operator lifted the pilot rule; see `pilot_has_passed`."""
    succeeded: int
    failed: int
    content_size: int | None
    content_sha256: str | None


def pilot_has_passed(by_operator: bool, succeeded: int, failed: int) -> bool:
    """Whether campaigns may have more than PILOT_DEVICES devices (rule U10)."""
    results = succeeded + failed
    return by_operator or (results >= PILOT_RESULTS_NEEDED and succeeded >= PILOT_SUCCESS * results)


def check_package(package: NewPackage) -> None:
    """Raises Invalid with the name of the invalid member."""
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
        raise Invalid("firmwareName must not be . or .. nor hold a slash: it is part of a path of the operator API")
    if package.from_version == package.to_version:
        raise Invalid("fromVersion and toVersion must differ")
    if package.protocol not in PACKAGE_PROTOCOLS:
        raise Invalid(f"protocol must be LWM2M, OMADM or HTTP, not {package.protocol[:40]!r}")
    check_release_note(package.release_note)


def check_release_note(text: str) -> None:
    """Raises Invalid if the note is too long or has control characters other than tabs and line breaks."""
    if len(text) > MAX_RELEASE_NOTE or not all(character.isprintable() or character in "\t\r\n" for character in text):
        raise Invalid(f"releaseNote must be at most {MAX_RELEASE_NOTE} characters, and only printable ones")
