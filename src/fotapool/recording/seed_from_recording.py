"""Builds a seed document from a recording: a server with it responds like the recorded one, as far as this is known."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

import msgspec

from fotapool.domain.devices.devices import MAX_TEXT, parse_protocol
from fotapool.domain.errors import Invalid
from fotapool.domain.names import PurchaseType, is_account_name, is_device_id
from fotapool.domain.packages import PILOT_DEVICES
from fotapool.emulator.paths import LOGIN_PATH, TOKEN_PATH
from fotapool.recording.operations import NamedOperation, find_operation
from fotapool.recording.pairs import Pair, RecordedRequest
from fotapool.services.snapshots.seed_documents import PackageLine

TOTALS = ("licenseCount", "licTotalCount", "totalLicenses", "totalLicense", "licCount")
USED = ("licenseUsedCount", "assignedLicenses", "licUsedCount")
FIRST_FILLER = 98 * 10**13
"""The first IMEI (without check digit) for licensed devices that the recording counts but does not name."""
FILLERS_OF_AN_ACCOUNT = 10**10
MAX_FILLERS = 100_000
OWN_CLIENT, OWN_USER = "compare-client", "compare-user"
OWN_SECRET = "compare"  # noqa: S105
NOT_FOUND = "not found"
PACKAGE_MEMBERS = {
    "make": "make",
    "model": "model",
    "firmwareFrom": "fromVersion",
    "fromVersion": "fromVersion",
    "softwareFrom": "fromVersion",
    "firmwareTo": "toVersion",
    "toVersion": "toVersion",
    "softwareTo": "toVersion",
    "protocol": "protocol",
    "distributionType": "protocol",
    "releaseNote": "releaseNote",
    "devicePlatformId": "platformId",
}
"""Members of responses to members of a package in the seed document."""
DEFAULTS = {"make": "unknown", "model": "unknown", "fromVersion": "1", "toVersion": "2"}


class _Account(msgspec.Struct):
    total: int | None = None
    used: int | None = None
    purchase_type: str = "TS-HFOTA-MRC"
    devices: dict[str, dict[str, str]] = msgspec.field(default_factory=dict)
    """Device id to the members of its line."""
    licensed: dict[str, bool] = msgspec.field(default_factory=dict)
    """Whether a device held a license at the beginning, by the first response that shows it."""
    changed: int = 0
    """Licenses assigned since the beginning, less those removed."""
    candidates: list[str] | None = None
    scheduled: dict[str, str] = msgspec.field(default_factory=dict)
    """Device to the package of a campaign that was accepted before the recording shows the device's firmware."""


class SeedBuilder:
    """Collects the initial state from successful requests."""

    def __init__(self, pairs: Sequence[Pair]) -> None:
        self._accounts: dict[str, _Account] = {}
        self._packages: dict[str, dict[str, str]] = {}
        self._clients: dict[str, str] = {}
        self._users: dict[str, str] = {}
        for pair in pairs:
            if pair.answer.status < 300:
                self._read(pair)

    @property
    def accounts(self) -> list[str]:
        return list(self._accounts)

    def document(self) -> dict[str, Any]:
        """The seed document, with a client and a user for `compare`."""
        clients = {**self._clients, OWN_CLIENT: OWN_SECRET}
        users = {**self._users, OWN_USER: OWN_SECRET}
        packages = {name: _package(name, known) for name, known in self._packages.items()}
        for account in self._accounts.values():
            for device, name in account.scheduled.items():
                account.devices[device] = {**account.devices.get(device, {}), **_fitting(packages.get(name))}
        return {
            "clients": [{"key": key, "secret": secret} for key, secret in clients.items()],
            "users": [
                {"username": name, "password": password, "accounts": self.accounts} for name, password in users.items()
            ],
            "accounts": [_line(name, one, place) for place, (name, one) in enumerate(self._accounts.items())],
            "firmware": [package for package in packages.values() if package],
        }

    # --- one pair ----------------------------------------------------------------------------------------------------

    def _read(self, pair: Pair) -> None:
        operation = find_operation(pair.request.method, pair.request.path)
        if pair.request.path == TOKEN_PATH:
            self._client(pair)
        elif pair.request.path == LOGIN_PATH:
            self._user(pair)
        body = pair.answer.body.json if pair.answer.body else None
        name = operation.parameters.get("account") or (body.get("accountName") if isinstance(body, Mapping) else None)
        if operation.id in ("", "sign-in") or not isinstance(name, str) or not is_account_name(name):
            return
        account = self._accounts.setdefault(name, _Account())
        for found in _objects(body):
            self._object(account, found)
        if isinstance(body, Mapping):
            self._licenses(account, operation, body)
            if operation.name.startswith("schedule_"):
                self._schedule(account, pair.request, body)

    def _client(self, pair: Pair) -> None:
        credentials = pair.request.headers.get("authorization", "").partition(" ")[2]
        try:
            key, colon, secret = base64.b64decode(credentials).decode().partition(":")
        except ValueError:
            return
        if colon:
            self._clients.setdefault(key, secret)

    def _user(self, pair: Pair) -> None:
        given = pair.request.body.json if pair.request.body else None
        if isinstance(given, Mapping) and given.get("username") and given.get("password"):
            self._users.setdefault(str(given["username"]), str(given["password"]))

    def _object(self, account: _Account, found: Mapping[str, Any]) -> None:
        """A device or a package anywhere in a response."""
        device = found.get("deviceId")
        words = " ".join(str(found.get(name, "")) for name in ("reason", "Reason", "resultReason")).lower()
        if isinstance(device, str) and is_device_id(device) and NOT_FOUND not in words:
            line = account.devices.setdefault(device, {})
            for name in ("make", "model", "firmware", "mdn"):
                if _is_text(found.get(name)):
                    line.setdefault(name, found[name])
            for name in ("protocol", "distributionType"):
                if parse_protocol(str(found.get(name, ""))):
                    line.setdefault("protocol", found[name])
        package = found.get("firmwareName") or found.get("softwareName")
        if isinstance(package, str):
            known = self._packages.setdefault(package, {})
            for name, ours in PACKAGE_MEMBERS.items():
                if _is_text(found.get(name)):
                    known.setdefault(ours, found[name])

    def _schedule(self, account: _Account, request: RecordedRequest, body: Mapping[str, Any]) -> None:
        """Devices of an accepted campaign have the package's initial firmware, unless the recording shows another."""
        given = request.body.json if request.body else None
        package = body.get("firmwareName") or body.get("softwareName")
        devices = given.get("deviceList") if isinstance(given, Mapping) else None
        if not isinstance(package, str) or not isinstance(devices, list):
            return
        for device in devices:
            if is_device_id(str(device)) and "firmware" not in account.devices.setdefault(str(device), {}):
                account.scheduled.setdefault(str(device), package)
        if len(devices) > PILOT_DEVICES:
            self._packages.setdefault(package, {})["proven"] = "true"

    def _licenses(self, account: _Account, operation: NamedOperation, body: Mapping[str, Any]) -> None:
        for row in _rows(body):
            held, grown = _held_before(operation, row)
            if held is not None:
                account.licensed.setdefault(row["deviceId"], held)
            account.changed += grown
        total = next((body[name] for name in TOTALS if isinstance(body.get(name), int)), None)
        used = next((body[name] for name in USED if isinstance(body.get(name), int)), None)
        account.total = total if account.total is None else account.total
        if used is not None and account.used is None:
            account.used = max(0, used - account.changed)
        with suppress(ValueError):
            account.purchase_type = PurchaseType.parse(str(body.get("purchaseType"))).value
        if operation.name == "get_candidates" and account.candidates is None:
            account.candidates = [device for device in _list(body) if is_device_id(str(device))]
            for device in account.candidates:
                account.devices.setdefault(device, {})
        elif operation.name.endswith("_candidates") and account.candidates is None:
            account.candidates = []


def _objects(body: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(body, Mapping):
        yield body
    for one in body.values() if isinstance(body, Mapping) else body if isinstance(body, list) else ():
        yield from _objects(one)


def _list(body: Mapping[str, Any]) -> list[Any]:
    found = body.get("deviceList")
    return found if isinstance(found, list) else []


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= MAX_TEXT and value.isprintable()


def _rows(body: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for row in _list(body):
        if isinstance(row, Mapping) and is_device_id(str(row.get("deviceId"))):
            yield row


def _held_before(operation: NamedOperation, row: Mapping[str, Any]) -> tuple[bool | None, int]:
    """Whether the device held a license before the request (None: unknown), and by how many the request added."""
    words = " ".join(str(row.get(name, "")) for name in ("status", "reason", "Reason", "resultReason")).lower()
    succeeded = "success" in words and "fail" not in words
    if NOT_FOUND in words:
        return None, 0
    if operation.name == "assign_licenses":
        if "preexist" in words:
            return True, 0
        return False, int(succeeded)
    if operation.name == "remove_licenses":
        return "no license" not in words, -int(succeeded)
    if operation.name == "get_licenses":
        return True, 0
    held = row.get("licenseAssigned")
    return (held if isinstance(held, bool) else None), 0


def _line(name: str, account: _Account, place: int) -> dict[str, Any]:
    """An account of the seed document."""
    licensed = [device for device, held in account.licensed.items() if held]
    used = len(licensed) if account.used is None else max(account.used, len(licensed))
    devices: list[dict[str, Any]] = [
        {"deviceId": device, **members, "licensed": account.licensed.get(device, False)}
        for device, members in sorted(account.devices.items())
    ]
    fillers = min(used - len(licensed), MAX_FILLERS)
    if fillers:
        first = FIRST_FILLER + place * FILLERS_OF_AN_ACCOUNT
        devices.append({"first": f"{first}", "count": fillers, "licensed": fillers, "make": "", "model": ""})
    total = used if account.total is None else max(account.total, used)
    if account.purchase_type == PurchaseType.EVENT.value:
        total = 0
    return {
        "name": name,
        "purchaseType": account.purchase_type,
        "licenseCount": total,
        "devices": devices,
        "candidates": account.candidates or [],
    }


def _package(name: str, known: dict[str, str]) -> dict[str, str] | None:
    """The package with its known members; None if it is not valid."""
    protocol = parse_protocol(known.get("protocol", "")) or "LWM2M"
    known_members = {member: value for member, value in known.items() if member != "proven"}
    line = {**DEFAULTS, **known_members, "firmwareName": name, "protocol": protocol}
    try:
        PackageLine(**line).to_package(0)  # type: ignore[arg-type]
    except Invalid:
        return None
    return {**line, **({"proven": "true"} if "proven" in known else {})}


def _fitting(package: dict[str, str] | None) -> dict[str, str]:
    """The members of a device that can install the package."""
    if package is None:
        return {}
    return {"firmware": package["fromVersion"], **{name: package[name] for name in ("make", "model", "protocol")}}
