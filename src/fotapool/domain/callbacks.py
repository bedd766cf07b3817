"""Callbacks: what listeners are told, in our own words; where callbacks may go; and what follows a failed attempt.

Sources: facts, section 10 (the vendor's page on callback services) and rule U17; retries and limits: docs/callbacks.md.
An event is kept as compact JSON text and put into the words of each version of the API when it is first sent.
"""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol
from urllib.parse import urlsplit

from fotapool.domain.campaigns.campaigns import Campaign, CampaignStatus
from fotapool.domain.errors import ErrorCode, RequestRejected

MAX_DEVICES_A_MESSAGE = 100
MAX_PACKAGES_A_MESSAGE = 100
MAX_URL = 2048
"""How long a listener's URL may be, in characters."""
MAX_CREDENTIAL = 200
"""How long the user name and the password that a listener is sent may be, in characters."""
SERVICE = "Fota"
"""The only callback service (facts, section 9.4)."""
RETRIES = 3
RETRY_AFTER_MS = 5 * 60_000
"""Four attempts, 5 minutes apart (facts, section 10: the rule of the vendor's Connectivity Management)."""
RETENTION_MS = 30 * 86_400_000
"""How long ended deliveries are kept."""

DeviceRow = tuple[int, int, int]
"""A device's IMEI, the number of its upgrade's status (UpgradeStatus) and that of the reason (Reason)."""


@dataclass(frozen=True, slots=True)
class PackageFacts:
    """A package of firmware or software; `launched_ms` is when it became available."""

    name: str
    make: str
    model: str
    from_version: str
    to_version: str
    protocol: str
    release_note: str
    launched_ms: int


@dataclass(frozen=True, slots=True)
class CampaignFacts:
    """A campaign as it was after the change. `subject` is the name of the package or file it installs."""

    id: str
    account_name: str
    name: str
    subject: str
    is_file: bool
    make: str
    model: str
    from_version: str
    to_version: str
    protocol: str
    start_date: str
    end_date: str
    start_ms: int
    end_ms: int
    status: int

    @property
    def campaign_status(self) -> CampaignStatus:
        return CampaignStatus(self.status)


@dataclass(frozen=True, slots=True)
class FirmwareAvailable:
    """Packages became available that fit devices of the account; at most MAX_PACKAGES_A_MESSAGE."""

    account_name: str
    packages: tuple[PackageFacts, ...]


@dataclass(frozen=True, slots=True)
class CampaignChanged:
    """The campaign came into this status."""

    campaign: CampaignFacts


@dataclass(frozen=True, slots=True)
class UpgradesChanged:
    """Devices of the campaign came into these statuses; at most MAX_DEVICES_A_MESSAGE."""

    campaign: CampaignFacts
    devices: tuple[DeviceRow, ...]


@dataclass(frozen=True, slots=True)
class FirmwareReported:
    """A device answered the request to report its firmware."""

    account_name: str
    imei: int
    firmware: str
    request_id: str
    at_ms: int


Event = FirmwareAvailable | CampaignChanged | UpgradesChanged | FirmwareReported


class Launched(Protocol):
    """What is told of a package; both the row and the operator's description of a package have it."""

    @property
    def name(self) -> str: ...
    @property
    def make(self) -> str: ...
    @property
    def model(self) -> str: ...
    @property
    def from_version(self) -> str: ...
    @property
    def to_version(self) -> str: ...
    @property
    def protocol(self) -> str: ...
    @property
    def release_note(self) -> str: ...
    @property
    def launched_ms(self) -> int: ...


def campaign_changed(account_name: str, campaign: Campaign) -> CampaignChanged:
    return CampaignChanged(_facts(account_name, campaign))


def upgrades_changed(account_name: str, campaign: Campaign, devices: Sequence[DeviceRow]) -> list[Event]:
    """The events that tell of these devices, in the order given."""
    facts = _facts(account_name, campaign)
    step = MAX_DEVICES_A_MESSAGE
    return [UpgradesChanged(facts, tuple(devices[start : start + step])) for start in range(0, len(devices), step)]


def firmware_available(account_name: str, packages: Iterable[Launched]) -> list[Event]:
    """The events that tell of these packages, in the order given."""
    facts = [
        PackageFacts(
            name=one.name,
            make=one.make,
            model=one.model,
            from_version=one.from_version,
            to_version=one.to_version,
            protocol=one.protocol,
            release_note=one.release_note,
            launched_ms=one.launched_ms,
        )
        for one in packages
    ]
    step = MAX_PACKAGES_A_MESSAGE
    return [FirmwareAvailable(account_name, tuple(facts[start : start + step])) for start in range(0, len(facts), step)]


def _facts(account_name: str, campaign: Campaign) -> CampaignFacts:
    subject = campaign.subject
    return CampaignFacts(
        id=campaign.uuid,
        account_name=account_name,
        name=campaign.name,
        subject=subject.name,
        is_file=subject.is_file,
        make=subject.make,
        model=subject.model,
        from_version=subject.from_version,
        to_version=subject.to_version,
        protocol=subject.protocol,
        start_date=campaign.start_date,
        end_date=campaign.end_date,
        start_ms=campaign.start_ms,
        end_ms=campaign.end_ms,
        status=int(campaign.status),
    )


def _read_packages(document: dict[str, Any]) -> FirmwareAvailable:
    return FirmwareAvailable(document["account_name"], tuple(PackageFacts(**one) for one in document["packages"]))


def _read_campaign(document: dict[str, Any]) -> CampaignChanged:
    return CampaignChanged(CampaignFacts(**document["campaign"]))


def _read_upgrades(document: dict[str, Any]) -> UpgradesChanged:
    rows = tuple((imei, status, reason) for imei, status, reason in document["devices"])
    return UpgradesChanged(CampaignFacts(**document["campaign"]), rows)


def _read_report(document: dict[str, Any]) -> FirmwareReported:
    return FirmwareReported(**document)


_KINDS: dict[type[Event], tuple[str, Callable[[dict[str, Any]], Event]]] = {
    FirmwareAvailable: ("firmware available", _read_packages),
    CampaignChanged: ("campaign changed", _read_campaign),
    UpgradesChanged: ("upgrades changed", _read_upgrades),
    FirmwareReported: ("firmware reported", _read_report),
}
KINDS = tuple(kind for kind, _ in _KINDS.values())
"""The operator plane's words for what an event is about."""
_READERS = dict(_KINDS.values())


def encode(event: Event) -> str:
    """The event as compact JSON text."""
    return json.dumps({"kind": _KINDS[type(event)][0], **asdict(event)}, ensure_ascii=False, separators=(",", ":"))


def decode(text: str) -> Event:
    """The event that `encode` made this text of."""
    document = json.loads(text)
    return _READERS[document.pop("kind")](document)


def kind_of(text: str) -> str:
    """What an encoded event is about, as one of KINDS."""
    return str(json.loads(text)["kind"])


def check_url(url: str, private_targets: bool) -> None:
    """Raises RequestRejected(URL_INVALID) for what callbacks are not sent to.

    A URL has a host, no user name and no password. Where private targets are not allowed it is https, and its host is
    no literal address that is not public; what a name stands for is checked at each connection.
    """
    try:
        parts = urlsplit(url)
        valid = (
            len(url) <= MAX_URL
            and _URL.fullmatch(url) is not None
            and (parts.port or 0) >= 0  # reading it checks it
            and (private_targets or (parts.scheme == "https" and literal_is_public(parts.hostname or "") is not False))
        )
    except ValueError:  # an impossible port, or brackets around what is no address
        valid = False
    if not valid:
        raise RequestRejected(ErrorCode.URL_INVALID)


def check_credential(text: str | None) -> None:
    """Raises RequestRejected(BODY_INVALID) for a user name or password that is too long or holds a NUL character."""
    if text is not None and (len(text) > MAX_CREDENTIAL or "\x00" in text):
        raise RequestRejected(ErrorCode.BODY_INVALID)


def is_public_address(text: str) -> bool:
    """Whether an IP address is one of the public internet, as far as its number tells.

    An IPv4 address within an IPv6 one (mapped, 6to4, Teredo, NAT64) counts as that IPv4 address.
    """
    address = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)
        if inner is None and address in _NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return is_public_address(str(inner))
    return address.is_global and not (address.is_multicast or address.is_reserved or address.is_unspecified)


_URL = re.compile(
    r"https?://([0-9a-z_-]+(\.[0-9a-z_-]+)*\.?|\[[0-9a-f:.]+\])(:[1-9][0-9]{0,4})?([/?#][!-~]*)?", re.IGNORECASE
)
"""A name in ASCII, as other scripts are written in the DNS, or an address; no user name, no spaces."""
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


def literal_is_public(host: str) -> bool | None:
    """Whether the host of a URL is a public address; None if it is a name, which stands for whatever it stands for.

    What ends in a number and is no address as it should be written (0177.0.0.1, 127.1) is read by some systems as an
    address all the same, and so it counts as one that is not public.
    """
    try:
        return is_public_address(host)
    except ValueError:
        last = host.rstrip(".").rpartition(".")[2].lower()
        return False if ":" in host or last.isdigit() or last.startswith("0x") else None


def is_acknowledged(status: int | None) -> bool:
    """Whether an HTTP status acknowledges a callback: any 2xx does."""
    return status is not None and 200 <= status <= 299


def retry_ms(attempts: int, failed_ms: int) -> int | None:
    """When a delivery is tried again that has failed so many times, the last time at `failed_ms`; None: given up."""
    return failed_ms + RETRY_AFTER_MS if attempts <= RETRIES else None
