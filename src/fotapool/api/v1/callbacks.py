"""Version 1: callback listeners and messages (pages "Register a Callback Listener", "About Callback Services")."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar

import msgspec

from fotapool.api.common import handlers
from fotapool.api.common.bodies import Credential, Url, read_document
from fotapool.api.common.messages import MessageFormat, encode_message
from fotapool.api.common.operations import Call, OperationTable
from fotapool.api.common.schemas import SuccessResult
from fotapool.api.v1.devices import firmware
from fotapool.api.v1.statuses import CAMPAIGN_STATUS, UpgradeDevice, device_row
from fotapool.domain.callbacks import SERVICE, CampaignFacts, DeviceRow, Event
from fotapool.domain.campaigns.campaigns import CampaignStatus
from fotapool.domain.errors import ErrorCode, RequestRejected
from fotapool.domain.records import from_attributes
from fotapool.services.callbacks import listeners
from fotapool.store.callbacks.listeners import Listener

STYLE = "v1"

Service = Annotated[str, msgspec.Meta(extra_json_schema={"pattern": "^[Ff][Oo][Tt][Aa]$"}, examples=["Fota"])]


class CallbackServiceBody(msgspec.Struct):
    """The body that registers a callback service by its name."""

    json_schema: ClassVar[dict[str, Any]] = {"required": ["name", "url"]}

    name: Service | msgspec.UnsetType = msgspec.UNSET
    url: Url | msgspec.UnsetType = msgspec.UNSET
    username: Credential | None = None
    password: Credential | None = None


class RegistrationResult(msgspec.Struct):
    accountName: str
    serviceName: str


class RegisteredCallback(msgspec.Struct):
    aname: str
    name: str
    url: str
    username: str | msgspec.UnsetType = msgspec.UNSET
    password: str | msgspec.UnsetType = msgspec.UNSET


class UpgradeProgress(msgspec.Struct):
    """`upgradeScheduled` and `upgradeProgress` of a message."""

    firmwareName: str
    upgradeId: str
    startDate: str
    endDate: str
    model: str
    make: str
    fromVersion: str
    toVersion: str
    status: str
    deviceList: list[UpgradeDevice]


def _upgrade(campaign: CampaignFacts, devices: Sequence[DeviceRow]) -> UpgradeProgress:
    return from_attributes(
        UpgradeProgress,
        campaign,
        firmwareName=campaign.artifact,
        upgradeId=campaign.id,
        status=CAMPAIGN_STATUS[campaign.campaign_status],
        deviceList=[device_row(*row) for row in devices],
    )


_SCHEDULED = frozenset({CampaignStatus.QUEUED, CampaignStatus.PRESCHEDULED})
_format = MessageFormat(scheduled=_SCHEDULED, package=firmware, campaign=_upgrade)
_service = msgspec.json.Decoder(CallbackServiceBody)


def encode(event: Event, listener: Listener) -> bytes:
    """The message about this event to this listener."""
    account, kind, content = _format.content(event)
    head = {"accountName": account, "participantName": account, "type": kind}
    credentials = {"username": listener.username or "", "password": listener.password or ""}
    return encode_message(head | credentials, kind, content)


def _check_service(name: str | msgspec.UnsetType) -> None:
    if name is msgspec.UNSET or name.lower() != SERVICE.lower():
        raise RequestRejected(ErrorCode.SERVICE_INVALID)


operations = OperationTable()


@operations.get(
    "V1-16",
    "/callbacks/{account}",
    sdk="software_management_callbacks_v1.list_registered_callbacks",
    notes="`[]` when none is registered. No other response has the password.",
    has_secrets=True,
)
async def list_callbacks(call: Call) -> list[RegisteredCallback]:
    """Read the registered callback listener."""
    listener = await listeners.read_listener(call.context, call.caller, STYLE)
    if listener is None:
        return []
    return [
        RegisteredCallback(
            aname=call.account,
            name=SERVICE,
            url=listener.url,
            username=listener.username or msgspec.UNSET,
            password=listener.password or msgspec.UNSET,
        )
    ]


@operations.post(
    "V1-17",
    "/callbacks/{account}",
    request=CallbackServiceBody,
    sdk="software_management_callbacks_v1.register_callback",
    notes="`name` is `Fota`, in any case.",
)
async def register_callback(call: Call) -> RegistrationResult:
    """Register a callback listener, or replace the one there is."""
    given = read_document(_service, call.body)
    _check_service(given.name)
    if given.url is msgspec.UNSET:
        raise RequestRejected(ErrorCode.URL_INVALID)
    change = listeners.register_listener(
        call.context,
        caller=call.caller,
        style=STYLE,
        url=given.url,
        username=given.username,
        password=given.password,
    )
    return await call.answer(change, lambda _: RegistrationResult(call.account, SERVICE))


@operations.delete(
    "V1-18",
    "/callbacks/{account}/name/{service}",
    sdk="software_management_callbacks_v1.deregister_callback",
    notes="Succeeds when none is registered. Waiting deliveries to it are given up.",
)
async def deregister_callback(call: Call) -> SuccessResult:
    """Deregister the callback listener."""
    _check_service(call.path["service"])
    return await handlers.deregister_callback(call)
