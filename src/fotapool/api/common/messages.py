"""Callback messages (page "About Callback Services"): one structure for all types of events.

`type` names the member that is filled, the others are empty. The page shows `firmwareList` and the beginning of
`upgradeScheduled`; the other members follow the version's own campaigns, and `firmwareReported` is our choice.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from fotapool.api.common.time_styles import rfc3339
from fotapool.domain.callbacks import (
    CampaignChanged,
    CampaignFacts,
    DeviceRow,
    Event,
    FirmwareAvailable,
    FirmwareReported,
    PackageFacts,
)
from fotapool.domain.campaigns.campaigns import CampaignStatus
from fotapool.domain.names import format_device_id

_EMPTY: dict[str, object] = {"firmwareList": [], "upgradeScheduled": {}, "upgradeProgress": {}, "firmwareReported": {}}
_encode = msgspec.json.Encoder().encode


class FirmwareReport(msgspec.Struct):
    deviceId: str
    firmware: str
    requestId: str
    time: str


def firmware_report(event: FirmwareReported) -> FirmwareReport:
    return FirmwareReport(format_device_id(event.imei), event.firmware, event.request_id, rfc3339(event.at_ms))


class MessageFormat(msgspec.Struct, frozen=True):
    """How a version writes the members of a message."""

    scheduled: frozenset[CampaignStatus]
    """A campaign's change to one of these statuses is `upgradeScheduled`; any other change is `upgradeProgress`."""
    package: Callable[[str, PackageFacts], msgspec.Struct]
    campaign: Callable[[CampaignFacts, Sequence[DeviceRow]], msgspec.Struct]
    report: Callable[[FirmwareReported], msgspec.Struct] = firmware_report

    def content(self, event: Event) -> tuple[str, str, object]:
        """The account's name, the type of the message, and the content of the member of this name."""
        if isinstance(event, FirmwareAvailable):
            name = event.account_name
            return name, "firmwareList", [self.package(name, package) for package in event.packages]
        if isinstance(event, FirmwareReported):
            return event.account_name, "firmwareReported", self.report(event)
        name = event.campaign.account_name
        if not isinstance(event, CampaignChanged):
            return name, "upgradeProgress", self.campaign(event.campaign, event.devices)
        scheduled = event.campaign.campaign_status in self.scheduled
        return name, "upgradeScheduled" if scheduled else "upgradeProgress", self.campaign(event.campaign, ())

    def encode(self, event: Event) -> bytes:
        """The message about this event, as JSON."""
        name, kind, content = self.content(event)
        return encode_message({"accountName": name, "type": kind}, kind, content)


def encode_message(head: dict[str, str], kind: str, content: object) -> bytes:
    """A message that begins with the members of `head`, as JSON."""
    return _encode({**head, **_EMPTY, kind: content})
