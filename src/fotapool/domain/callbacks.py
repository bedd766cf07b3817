"""Callbacks: their events, the URLs that they may be sent to, and the retries after a failed attempt.

Sources: the vendor's page on callback services, and rule U17; retries and limits: docs/reference/callbacks.md.
An event is stored as compact JSON and encoded for the listener's version of the API when it is first sent.
"""

from __future__ import annotations

import enum
import ipaddress
import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, TypeVar
from urllib.parse import urlsplit

from fotapool.core.timestamps import MINUTE_MS
from fotapool.domain.campaigns.campaigns import Campaign, CampaignStatus
from fotapool.domain.errors import ErrorCode, RequestRejected
from fotapool.domain.packages import NewPackage, Package, PackageTraits
from fotapool.domain.records import from_attributes

MAX_DEVICES_A_MESSAGE = 100
MAX_PACKAGES_A_MESSAGE = 100
MAX_URL = 2048
"""Maximum length of a listener's URL in characters."""
MAX_CREDENTIAL = 200
"""Maximum length of a listener's user name and password in characters."""
MASK = "***"
"""What is shown for a password."""
SERVICE = "Fota"
"""The only callback service that is called (facts, section 9.4)."""
SERVICE_NAME = "[A-Za-z][A-Za-z0-9]{0,63}"
"""The names of the services of the Connectivity Management API."""
OF_SERVICE = "m2m:"
"""How the style of a registration that is kept and never called begins; the service's name follows."""
OF_ALERTS = "alerts:"
"""How the style of a target of alerts begins, which is no listener of an account."""
RETRIES = 3
RETRY_AFTER_MS = 5 * MINUTE_MS
"""Four attempts, 5 minutes apart (facts, section 10: the rule of the vendor's Connectivity Management)."""
FAILING_AFTER_MS = 15 * MINUTE_MS
"""A listener that has not acknowledged anything for so long, after a failed attempt, is failing (our choice)."""

Row = TypeVar("Row")
DeviceRow = tuple[int, int, int]
"""A device's IMEI, UpgradeStatus and Reason, as integers."""


class DeliveryState(enum.IntEnum):
    """Stored as a number: never renumber."""

    WAITING = 1
    DELIVERED = 2
    FAILED = 3

    @property
    def word(self) -> str:
        """The state's name in the operator API."""
        return self.name.lower()


class ListenerStatus(enum.Enum):
    """How deliveries to a listener go."""

    DELIVERING = "delivering"
    RETRYING = "retrying"
    FAILING = "failing"


def listener_status(failing_ms: int | None, given_up: int, now_ms: int) -> ListenerStatus:
    """The status of a listener whose attempts have failed since `failing_ms` (None: the last one succeeded).

    `given_up` counts the deliveries since then that have used all attempts.
    """
    if failing_ms is None:
        return ListenerStatus.DELIVERING
    failing = given_up or now_ms - failing_ms >= FAILING_AFTER_MS
    return ListenerStatus.FAILING if failing else ListenerStatus.RETRYING


@dataclass(frozen=True, slots=True)
class PackageFacts(PackageTraits):
    """A firmware or software package, available since `launched_ms`."""

    release_note: str
    launched_ms: int


@dataclass(frozen=True, slots=True)
class CampaignFacts:
    """A campaign after the change. `artifact` is the name of its package or file."""

    id: str
    account_name: str
    name: str
    artifact: str
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
    """Packages became available that fit devices of the account: at most MAX_PACKAGES_A_MESSAGE."""

    account_name: str
    packages: tuple[PackageFacts, ...]


@dataclass(frozen=True, slots=True)
class CampaignChanged:
    """The campaign changed to this status."""

    campaign: CampaignFacts


@dataclass(frozen=True, slots=True)
class UpgradesChanged:
    """Devices of the campaign changed to these statuses: at most MAX_DEVICES_A_MESSAGE."""

    campaign: CampaignFacts
    devices: tuple[DeviceRow, ...]


@dataclass(frozen=True, slots=True)
class FirmwareReported:
    """A device reported its firmware on request."""

    account_name: str
    imei: int
    firmware: str
    request_id: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class AlertMessage:
    """Alerts of a rule that began or ended, or a test of the rule's targets (domain/accounts/alerts/messages.py)."""

    type: str
    at_ms: int
    rule: dict[str, Any]
    alerts: tuple[dict[str, Any], ...]


Event = FirmwareAvailable | CampaignChanged | UpgradesChanged | FirmwareReported
Message = Event | AlertMessage
"""What the queue of callbacks has: events for listeners, and messages to targets of alerts."""


def campaign_changed(account_name: str, campaign: Campaign) -> CampaignChanged:
    return CampaignChanged(_facts(account_name, campaign))


def upgrades_changed(account_name: str, campaign: Campaign, devices: Sequence[DeviceRow]) -> list[Event]:
    """The events of these devices, in the order given."""
    facts = _facts(account_name, campaign)
    return [UpgradesChanged(facts, part) for part in _parts(devices, MAX_DEVICES_A_MESSAGE)]


def firmware_available(account_name: str, packages: Iterable[Package | NewPackage]) -> list[Event]:
    """The events of these packages, in the order given."""
    facts = [from_attributes(PackageFacts, package) for package in packages]
    return [FirmwareAvailable(account_name, part) for part in _parts(facts, MAX_PACKAGES_A_MESSAGE)]


def _parts(rows: Sequence[Row], size: int) -> Iterator[tuple[Row, ...]]:
    return (tuple(rows[start : start + size]) for start in range(0, len(rows), size))


def _facts(account_name: str, campaign: Campaign) -> CampaignFacts:
    return from_attributes(
        CampaignFacts,
        campaign,
        campaign.artifact,
        id=campaign.uuid,
        account_name=account_name,
        artifact=campaign.artifact.name,
        status=int(campaign.status),
    )


def _read_packages(document: dict[str, Any]) -> FirmwareAvailable:
    return FirmwareAvailable(document["account_name"], tuple(PackageFacts(**one) for one in document["packages"]))


def _read_upgrades(document: dict[str, Any]) -> UpgradesChanged:
    rows = tuple((imei, status, reason) for imei, status, reason in document["devices"])
    return UpgradesChanged(CampaignFacts(**document["campaign"]), rows)


_KINDS: dict[type[Message], tuple[str, Callable[[dict[str, Any]], Message]]] = {
    FirmwareAvailable: ("firmware available", _read_packages),
    CampaignChanged: ("campaign changed", lambda document: CampaignChanged(CampaignFacts(**document["campaign"]))),
    UpgradesChanged: ("upgrades changed", _read_upgrades),
    FirmwareReported: ("firmware reported", lambda document: FirmwareReported(**document)),
    AlertMessage: ("alerts", lambda document: AlertMessage(**document)),
}
KINDS = tuple(kind for kind, _ in _KINDS.values())
"""The kinds of events, as the operator API names them."""
_READERS = dict(_KINDS.values())


def encode(event: Message) -> str:
    """The event as compact JSON text."""
    return json.dumps({"kind": _KINDS[type(event)][0], **asdict(event)}, ensure_ascii=False, separators=(",", ":"))


def decode(text: str) -> Message:
    """The event of a text made by `encode`."""
    document = json.loads(text)
    return _READERS[document.pop("kind")](document)


def kind_of(text: str) -> str:
    """The kind of an encoded event: one of KINDS."""
    return str(json.loads(text)["kind"])


def check_url(url: str, private_targets: bool) -> None:
    """Raises RequestRejected(URL_INVALID) unless callbacks may be sent to the URL.

    It must have a host, and no user name or password. Unless private targets are allowed, it must be https, and its
    host must not be a literal private address. The address that a name resolves to is checked at each connection.
    """
    try:
        parts = urlsplit(url)
        valid = (
            len(url) <= MAX_URL
            and _URL.fullmatch(url) is not None
            and (parts.port or 0) >= 0  # reading the port validates it
            and (private_targets or (parts.scheme == "https" and literal_is_public(parts.hostname or "") is not False))
        )
    except ValueError:  # an impossible port, or an invalid address in brackets
        valid = False
    if not valid:
        raise RequestRejected(ErrorCode.URL_INVALID)


def mask_password(body: str) -> str:
    """The JSON body of a callback with `***` for the password that version 1 sends."""
    try:
        document = json.loads(body)
    except ValueError:
        return body
    if not isinstance(document, dict) or not document.get("password"):
        return body
    return json.dumps(document | {"password": MASK}, ensure_ascii=False, separators=(",", ":"))


def style_of_service(name: str) -> str:
    """The style of the registration of a service. Raises RequestRejected(SERVICE_INVALID)."""
    if re.fullmatch(SERVICE_NAME, name) is None:
        raise RequestRejected(ErrorCode.SERVICE_INVALID)
    return "v1" if name.lower() == SERVICE.lower() else OF_SERVICE + name


def service_of_style(style: str) -> str | None:
    """The service of a registration; None for the listeners of versions 2 and 3, which have no service."""
    return SERVICE if style == "v1" else style.removeprefix(OF_SERVICE) if style.startswith(OF_SERVICE) else None


def check_credential(text: str | None) -> None:
    """Raises RequestRejected(BODY_INVALID) for a user name or password that is too long or contains NUL."""
    if text is not None and (len(text) > MAX_CREDENTIAL or "\x00" in text):
        raise RequestRejected(
            ErrorCode.BODY_INVALID, f"a user name or password may have {MAX_CREDENTIAL} characters, and no NUL"
        )


def is_public_address(text: str) -> bool:
    """Whether an IP address is public.

    An IPv4 address embedded in an IPv6 address (mapped, 6to4, Teredo, NAT64, ISATAP) is checked as IPv4. Raises
    ValueError.
    """
    address = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)
        if inner is None and (address in _NAT64 or int(address) >> 32 & _ANY_ISATAP == _ISATAP):
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return is_public_address(str(inner))
    if any(address in network for network in _SPECIAL):
        return False
    return address.is_global and not (address.is_multicast or address.is_reserved or address.is_unspecified)


_URL = re.compile(
    r"https?://([0-9a-z_-]+(\.[0-9a-z_-]+)*\.?|\[[0-9a-f:.]+\])(:[1-9][0-9]{0,4})?([/?#][!-~]*)?", re.IGNORECASE
)
"""The host is a name in ASCII (IDNs in Punycode) or an address. No user name, no spaces."""
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_ISATAP, _ANY_ISATAP = 0x0000_5EFE, 0xFDFF_FFFF
"""The 32 bits before the IPv4 address in an ISATAP address (RFC 5214, section 6.1), whatever its bit `u`."""
_SPECIAL = tuple(
    map(
        ipaddress.ip_network,
        ("192.0.0.0/24", "192.88.99.0/24", "64:ff9b:1::/48", "3fff::/20", "5f00::/16", "fec0::/10"),
    )
)
"""Networks that are not public, and that some versions of `ipaddress` call global."""


def literal_is_public(host: str) -> bool | None:
    """Whether the host of a URL is a public address, or None if it is a name.

    Non-standard notations of addresses (0177.0.0.1, 127.1) count as private, since some resolvers accept them.
    """
    try:
        return is_public_address(host)
    except ValueError:
        last = host.rstrip(".").rpartition(".")[2].lower()
        return False if ":" in host or last.isdigit() or last.startswith("0x") else None


def is_acknowledged(status: int | None) -> bool:
    """Whether an HTTP status acknowledges a callback: any 2xx."""
    return status is not None and 200 <= status <= 299


def retry_ms(attempts: int, failed_ms: int) -> int | None:
    """When to retry a delivery that has failed `attempts` times, last at `failed_ms`; None: no further retry."""
    return failed_ms + RETRY_AFTER_MS if attempts <= RETRIES else None
