"""Structures of the device API."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

import msgspec

from fotapool.core.timestamps import format_timestamp
from fotapool.domain.campaigns.upgrades import Reason, ReportedFailure, ReportedStep, UpgradeStatus
from fotapool.domain.devices.devices import MAX_TEXT
from fotapool.domain.names import format_device_id
from fotapool.domain.records import from_attributes
from fotapool.services.campaigns.upgrade_progress import DeviceUpgrade
from fotapool.services.devices.check_ins import MAX_CLIENT_TYPE, CheckInResult

MAX_LOG_ENTRIES = 100
MAX_EVENT = 10_000
MAX_MESSAGE = 500
_PRINTABLE = r"^[ -~]+$"
_NO_NUL = r"^[^\u0000]*$"
_BASE64 = r"^([0-9A-Za-z+/]{4})*([0-9A-Za-z+/]{2}==|[0-9A-Za-z+/]{3}=)?$"

Text = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_TEXT, extra_json_schema={"pattern": _PRINTABLE})]
ClientType = Annotated[
    str, msgspec.Meta(min_length=1, max_length=MAX_CLIENT_TYPE, extra_json_schema={"pattern": _PRINTABLE})
]
LogType = Literal[
    "SoftwareUpdate",
    "Event",
    "UserNotification",
    "AgentService",
    "Wireless",
    "WirelessWeb",
    "MobileBroadbandModem",
    "WindowsMDM",
]
"""Values of `logType` (facts, V2-31)."""


class CheckIn(msgspec.Struct):
    """What the device reports of itself; both members are optional."""

    firmware: Text | None = None
    clientType: ClientType | None = None


class UpgradeView(msgspec.Struct, omit_defaults=True):
    """`size` (bytes), `sha256` and `url` are null without content; `nextWindow` is the start of the next window."""

    id: str
    name: str
    kind: Literal["firmware", "file"]
    fromVersion: str
    toVersion: str
    state: str
    size: int | None
    sha256: str | None
    url: str | None
    downloadAllowed: bool
    installAllowed: bool
    nextWindow: str | None
    targetPath: str = ""


class CheckedIn(msgspec.Struct, omit_defaults=True):
    deviceId: str
    time: str
    upgrade: UpgradeView | None
    reportRequestId: str | None = None


class Report(msgspec.Struct):
    """The status of the upgrade; `failure` is read for `failed` only. `message` goes to the server's log.

    That of a failure is also shown to operators.
    """

    status: ReportedStep
    failure: ReportedFailure | None = None
    message: Annotated[str, msgspec.Meta(max_length=MAX_MESSAGE)] | None = None


class LogEntry(msgspec.Struct):
    """Default of `time`: now."""

    type: LogType
    event: Annotated[str, msgspec.Meta(max_length=MAX_EVENT, extra_json_schema={"pattern": _NO_NUL})]
    time: datetime | None = None
    binaryName: Annotated[str, msgspec.Meta(max_length=MAX_TEXT, extra_json_schema={"pattern": _NO_NUL})] = ""
    binaryBase64: Annotated[bytes, msgspec.Meta(extra_json_schema={"pattern": _BASE64})] = b""


class Logs(msgspec.Struct):
    entries: Annotated[list[LogEntry], msgspec.Meta(min_length=1, max_length=MAX_LOG_ENTRIES)]


class LogsStored(msgspec.Struct, rename={"stored": "kept"}):
    stored: int


_STEPS = {
    Reason.DOWNLOADING: ReportedStep.DOWNLOADING,
    Reason.DOWNLOADED: ReportedStep.DOWNLOADED,
    Reason.INSTALLING: ReportedStep.INSTALLING,
}
_ENDS = {UpgradeStatus.COMPLETED: ReportedStep.INSTALLED, UpgradeStatus.FAILED: ReportedStep.FAILED}


def state(status: UpgradeStatus, reason: int) -> str:
    """The step that the device itself reported, or `scheduled`, `canceled` and the like."""
    if status is UpgradeStatus.IN_PROGRESS:
        return _STEPS.get(Reason(reason), ReportedStep.DOWNLOADING).value
    return _ENDS[status].value if status in _ENDS else status.word


def upgrade_view(base: str, imei: int, upgrade: DeviceUpgrade) -> UpgradeView:
    """The upgrade as the device API returns it; `base` is that of the API's paths."""
    artifact, content = upgrade.campaign.artifact, upgrade.content
    url = f"{base}/{format_device_id(imei)}/upgrades/{upgrade.id}/content" if content.key is not None else None
    return from_attributes(
        UpgradeView,
        upgrade,
        artifact,
        content,
        id=str(upgrade.id),
        kind="file" if artifact.is_file else "firmware",
        state=state(upgrade.status, upgrade.reason),
        url=url,
        nextWindow=None if upgrade.next_window_ms is None else format_timestamp(upgrade.next_window_ms),
        targetPath=content.target_path,
    )


def checked_in(base: str, imei: int, found: CheckInResult) -> CheckedIn:
    """The answer to a check-in."""
    view = None if found.upgrade is None else upgrade_view(base, imei, found.upgrade)
    return CheckedIn(format_device_id(imei), format_timestamp(found.at_ms), view, found.report_request)
