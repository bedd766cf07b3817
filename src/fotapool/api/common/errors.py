"""The words of the service for each refusal: one "Error Messages" page serves the three dialects.

Documented messages are quoted from that page (facts, section 8.1); the token and account ones follow the sibling
services (section 8.5); the last ones are our choice.
"""

from __future__ import annotations

from fotapool.api.common.responses import Answer, ErrorBody, explain_auth, gateway_refusal, json_answer
from fotapool.domain.errors import Refusal, Refused

INVALID_PARAMETER = "INVALID_PARAMETER"
MAX_SHOWN = 40
"""How many characters of a malformed device id an error repeats."""

MESSAGES: dict[Refusal, str] = {
    Refusal.SESSION_MISSING: "UWS verification failure (Session token is missing.)",
    Refusal.SESSION_INVALID: "UWS verification failure (Session token is not valid.)",
    Refusal.SESSION_EXPIRED: "UWS verification failure (The Session has expired.)",
    Refusal.LOGIN_REFUSED: "UWS verification failure (Login refused.)",
    Refusal.ACCOUNT_NAME_INVALID: "Invalid account name format",
    Refusal.ACCOUNT_NOT_FOUND: "UWS verification failure (Could not find account {detail})",
    Refusal.ACCOUNT_INACTIVE: "Inactive account",
    Refusal.BODY_TOO_LARGE: "Request body exceeds maximum size",
    Refusal.BODY_INVALID: "Input binding error",
    Refusal.TYPE_INVALID: "Invalid type",
    Refusal.DEVICE_LIST_EMPTY: "Device list is empty",
    Refusal.DEVICE_LIST_TOO_LONG: "Device list exceeds maximum size",
    Refusal.DEVICE_ID_INVALID: "Invalid device id format",
    Refusal.CAMPAIGN_ID_INVALID: "Invalid uuid",
    Refusal.PACKAGE_UNKNOWN: "Invalid firmwareName",
    Refusal.FILE_UNKNOWN: "Invalid fileName",
    Refusal.PROTOCOL_INVALID: "Invalid protocol",
    Refusal.START_DATE_INVALID: "Invalid start date",
    Refusal.END_DATE_INVALID: "Invalid end date",
    Refusal.WINDOW_INVALID: "Invalid time window",
    Refusal.STATUS_INVALID: "Invalid campaignStatus",
    Refusal.PILOT_TOO_LARGE: "Pilot campaign exceeds maximum of 20 devices",
    Refusal.CAMPAIGN_UNKNOWN: "Invalid campaignId",
    Refusal.CAMPAIGN_STARTED: "Cannot cancel an upgrade that has already started",
    Refusal.DEVICES_FIXED: "Devices cannot be added or removed in the campaign's current state",
    Refusal.DATES_FIXED: "Dates and time windows cannot be changed in the campaign's current state",
    Refusal.URL_INVALID: "Invalid callback url",
    Refusal.SERVICE_INVALID: "Invalid service name",
    Refusal.FILE_INVALID: "Invalid file upload",
    Refusal.FILE_TOO_LARGE: "File exceeds maximum size",
    Refusal.FILE_EXISTS: "File version already exists",
    Refusal.LOGGING_LIMIT: "Logging can be enabled for at most 20 devices",
    Refusal.DEVICE_UNKNOWN: "Device not found.",
    Refusal.INDEX_INVALID: "Invalid index value",
    Refusal.INDEX_TOO_HIGH: "Index exceeds number of devices in list",
    Refusal.CURSOR_UNKNOWN: "LastSeenDeviceId Not Valid",
    Refusal.BUSY: "The service is temporarily unavailable",
    Refusal.STORE_UNAVAILABLE: "The service is temporarily unavailable",
    Refusal.INTERNAL: "Internal error.",
}

_OTHER_CODES = {
    Refusal.BUSY: (503, "SERVICE_UNAVAILABLE"),
    Refusal.STORE_UNAVAILABLE: (503, "SERVICE_UNAVAILABLE"),
    Refusal.INTERNAL: (500, "INTERNAL_SYSTEM_ERROR"),
    Refusal.BODY_TOO_LARGE: (413, INVALID_PARAMETER),
    Refusal.FILE_TOO_LARGE: (413, INVALID_PARAMETER),
}
BEARER_REFUSALS = frozenset({Refusal.BEARER_MISSING, Refusal.BEARER_INVALID})


OWN_MESSAGES: dict[str, dict[Refusal, str]] = {
    "/fota/v1": {
        Refusal.START_DATE_INVALID: "FotaPostUpgrades: invalid state date",
        Refusal.STATUS_INVALID: "Invalid upgradeStatus",
        Refusal.CAMPAIGN_UNKNOWN: "Invalid upgradeId",
        Refusal.PROTOCOL_INVALID: "Invalid clientType",
    },
    "/fota/v2": {
        Refusal.PACKAGE_UNKNOWN: "Invalid softwareName",
        Refusal.PROTOCOL_INVALID: "Invalid distributionType",
    },
}
"""Where an API names things otherwise than MESSAGES, by its context."""


def refusal_answer(refused: Refused, api_context: str, retry_after_s: int) -> Answer:
    """The answer of `/api/fota` to a refused request."""
    refusal = refused.refusal
    if refusal in BEARER_REFUSALS:
        return gateway_refusal(refused, api_context)
    status, code = _OTHER_CODES.get(refusal, (400, INVALID_PARAMETER))
    message = OWN_MESSAGES.get(api_context, {}).get(refusal) or MESSAGES[refusal]
    body = ErrorBody(code, message.format(detail=refused.detail))
    if refusal is Refusal.DEVICE_ID_INVALID:
        body.invalidDevices = [offender[:MAX_SHOWN] for offender in refused.offenders]
    headers = explain_auth(refused)
    if status == 503:
        headers = (*headers, (b"retry-after", b"%d" % retry_after_s))
    return json_answer(body, status, headers)
