"""What a client can do about each error code: for docs/reference/errors.md, and for hints without a better rule."""

from __future__ import annotations

import re
from collections.abc import Mapping

from fotapool.domain.errors import ErrorCode
from fotapool.domain.licenses.licenses import Outcome

ADVICE: dict[ErrorCode, str] = {
    ErrorCode.BEARER_MISSING: "The bearer token is missing: send `Authorization: Bearer TOKEN` with the `access_token`"
    " of `POST /api/ts/v1/oauth2/token`.",
    ErrorCode.BEARER_INVALID: "The bearer token is not one of this server, has expired or was revoked: get one from"
    " `POST /api/ts/v1/oauth2/token`. A token expires 60 minutes after its first issue.",
    ErrorCode.SESSION_MISSING: "The session token is missing: send `VZ-M2M-Token: TOKEN` with the `sessionToken` of"
    " `POST /api/m2m/v1/session/login`.",
    ErrorCode.SESSION_INVALID: "The session token is not one of this server, was logged out, or ended over a day ago:"
    " log in again with `POST /api/m2m/v1/session/login`.",
    ErrorCode.SESSION_EXPIRED: "The session token has expired after 20 minutes without a request: log in again with"
    " `POST /api/m2m/v1/session/login`. The bearer token is still good.",
    ErrorCode.LOGIN_REFUSED: "User name or password is wrong, or 5 failed logins in a row have locked the user. Only an"
    " operator unlocks a user: `POST /control/v1/users/{username}/unlock`.",
    ErrorCode.RATE_LIMITED: "Wait for the seconds in `Retry-After`, then send the request again; nothing was done."
    " `--client-requests-per-s` and `--user-requests-per-s` set the rates.",
    ErrorCode.ACCOUNT_NAME_INVALID: "A name is 1 to 64 letters, digits, `-`, `_` and `.`, as in `0242078689-00001`.",
    ErrorCode.ACCOUNT_NOT_FOUND: "The account does not exist, or the session's user is not one of its users: both are"
    " answered alike. Check the name, with its leading zeros.",
    ErrorCode.ACCOUNT_INACTIVE: "The account is suspended, and an operator can activate it:"
    " `PUT /control/v1/accounts/{name}/status`. Or it is closed, which cannot be undone.",
    ErrorCode.BODY_TOO_LARGE: "Send fewer devices in one request: a body may have 4 MiB.",
    ErrorCode.ENCODING_UNSUPPORTED: "Send the body as it is or compressed with gzip, with `Content-Encoding: gzip`.",
    ErrorCode.IDEMPOTENCY_KEY_INVALID: "Send 1 to 255 visible ASCII characters, for example a new UUID for each"
    " change, or leave the header out: [keys](operations.md#changes-with-an-idempotency-key).",
    ErrorCode.IDEMPOTENCY_KEY_IN_USE: "Try again after the seconds in `Retry-After`, with the same key, to get the"
    " answer of the first request.",
    ErrorCode.MEMBER_UNKNOWN: "Leave out what the operation does not take, or correct its name, in which case matters:"
    " [operations](operations.md).",
    ErrorCode.BODY_INVALID: 'Send a JSON object, as in `{"deviceList": ["990003425730535"]}`.',
    ErrorCode.TYPE_INVALID: "Candidates: leave `type` out to replace the list, or send `append`. Devices of a campaign:"
    " send `append` or `remove`.",
    ErrorCode.NOT_EMULATED: "Leave this filter out, and name a device by its IMEI or MDN:"
    " [what is emulated](operations.md#connectivity-management).",
    ErrorCode.DEVICE_LIST_EMPTY: "Send `deviceList` with at least one IMEI; for logging, `deviceIds`.",
    ErrorCode.DEVICE_LIST_TOO_LONG: "Send at most as many devices as `--max-devices-per-request` says (10,000). A"
    " candidate list holds 100,000 in all.",
    ErrorCode.DEVICE_ID_INVALID: "IMEIs are strings of exactly 15 digits. `invalidDevices` has the first 100 that are"
    " not. Nothing was done.",
    ErrorCode.CAMPAIGN_ID_INVALID: "Send the id as the answer to scheduling had it: a UUID.",
    ErrorCode.PACKAGE_UNKNOWN: "Send a name from the list of firmware (v1, v3) or software (v2). Leave the versions"
    " out, or send those of the package. Operators create packages: `POST /control/v1/firmware`.",
    ErrorCode.FILE_UNKNOWN: "Send `fileName` and `fileVersion` as the list of files has them.",
    ErrorCode.PROTOCOL_INVALID: "Send `LWM2M`, `OMADM` (`OMA-DM`, `OMD-DM`) or `HTTP`, as the operation takes them, and"
    " for a campaign the package's own protocol.",
    ErrorCode.START_DATE_INVALID: "Send a date as `2026-12-01`, today (UTC) or later, at most five years ahead.",
    ErrorCode.END_DATE_INVALID: "Send a date as `2026-12-01`, not before the start, at most 366 days after it. While"
    " the campaign runs, the end must lie 24 hours ahead.",
    ErrorCode.WINDOW_INVALID: "A window begins at an hour from 0 to 23 and ends at a later one, 24 at most, in UTC. A"
    " campaign has at most 24 windows. Their dates are not after its end, and"
    " `installAfterDate` is not before `downloadAfterDate`.",
    ErrorCode.STATUS_INVALID: "Send one of the statuses that a campaign can have in this version:"
    " [campaigns](campaigns.md#from-acceptance-to-the-end).",
    ErrorCode.PILOT_TOO_LARGE: "Until a package has succeeded in a pilot, its campaigns have at most 20 devices. Run a"
    " pilot first, or have the operator mark the package as `proven`:"
    " [the pilot rule](campaigns.md#which-devices-are-accepted).",
    ErrorCode.CAMPAIGN_UNKNOWN: "Check the id and the account: another account's campaign is answered in the same way.",
    ErrorCode.CAMPAIGN_STARTED: "Nothing can be done: in v1 and v3 it runs to its end. Only v2 can abort it.",
    ErrorCode.DEVICES_FIXED: "Schedule a further campaign for these devices:"
    " [what may be changed](campaigns.md#what-may-be-changed).",
    ErrorCode.DATES_FIXED: "While a campaign runs only its end can be moved, and an ended one is not changed:"
    " [what may be changed](campaigns.md#what-may-be-changed).",
    ErrorCode.URL_INVALID: "Send one absolute `https` URL with a public address, without user name:"
    " [callbacks](callbacks.md#register). The emulator takes `http` and localhost too.",
    ErrorCode.SERVICE_INVALID: "In v1 the only service is `Fota`. On `/api/m2m` the name of a service is 1 to 64"
    " letters and digits, and an account has at most 100.",
    ErrorCode.FILE_INVALID: "Send `multipart/form-data` with `fileupload`, `fileVersion`, `make`, `model` and"
    " `localTargetPath`; texts have up to 200 printable characters, an account has 10,000 files:"
    " [files](files.md#configuration-files).",
    ErrorCode.FILE_TOO_LARGE: "A file may have 64 MiB.",
    ErrorCode.FILE_EXISTS: "Upload it with another `fileVersion`: what was uploaded is not replaced.",
    ErrorCode.LOGGING_LIMIT: "Turn logging off for other devices first, or wait: it ends after seven days.",
    ErrorCode.DEVICE_UNKNOWN: "Check the IMEI, and that the operator has imported the device into this account.",
    ErrorCode.INDEX_INVALID: "The index is a whole number; begin with 0.",
    ErrorCode.INDEX_TOO_HIGH: "The list is shorter than that: begin with 0. `count` says how long a candidate list is.",
    ErrorCode.CURSOR_UNKNOWN: "Begin with 0 and continue with `lastSeenDeviceId` of the page before: the index is an"
    " IMEI of the account, not a record number.",
    ErrorCode.IDEMPOTENCY_KEY_REUSED: "Send a new key with each change: within 24 hours, the user has sent this one"
    " with another method, path, query or body. Nothing was done:"
    " [keys](operations.md#changes-with-an-idempotency-key).",
    ErrorCode.BUSY: "Try again after the seconds in `Retry-After`; nothing was done.",
    ErrorCode.STORE_UNAVAILABLE: "Try again after the seconds in `Retry-After`. Nothing was done, unless the database"
    " went away during the commit and did not come back in time: read the state first, if a repetition would do harm."
    " The operator sees why in `/health/ready` and in the log.",
    ErrorCode.INTERNAL: "This is a bug. Report it with the `X-Request-Id` of the answer and the server's log.",
}
SESSION_ADVICE = {
    ErrorCode.DEVICE_ID_INVALID: "A device is named as in"
    ' `{"id": "990003425730535", "kind": "imei"}`: an IMEI is a string of exactly 15 digits, an MDN one of up to 15.',
    ErrorCode.BODY_TOO_LARGE: "A body of sign-in may have 64 KiB.",
    ErrorCode.BODY_INVALID: 'Send `{"username": "...", "password": "..."}` to log in,'
    ' `{"oldPassword": "..."}` to reset the password.',
}
OUTCOME_ADVICE: dict[Outcome, str] = {
    Outcome.ASSIGNED: "Nothing to do.",
    Outcome.PREEXISTING: "Nothing to do: it is a success, and no second license was taken. So assign can be sent again"
    " after a lost answer.",
    Outcome.NO_FREE_LICENSE: "Remove licenses elsewhere, or have the subscription raised. Earlier rows of the same"
    " request may have taken the last ones.",
    Outcome.DEVICE_NOT_FOUND: "Have the operator import the device into this account.",
    Outcome.REMOVED: "Nothing to do; the license is free again, and a scheduled upgrade of the device was canceled.",
    Outcome.NO_LICENSE: "Nothing to do: the device holds none, perhaps because an earlier row removed it.",
    Outcome.USED_BY_UPGRADE: "The license stays until a reduction takes it. Put the device on the candidate list.",
    Outcome.UPGRADE_IN_PROGRESS: "Wait for the upgrade to end. If it completes, the license is used and stays.",
    Outcome.UNDER_NOTICE: "Nothing to do: the license goes by itself when its notice ends.",
}
"""What to do about a row of an answer to assign or remove."""

_PARAMETER = re.compile(r"\{(name|username)\}")
_PLAIN_NAME = re.compile(r"[\w.@-]{1,64}")
_LINK = re.compile(r"\[([^]]*)\]\(([^)#]*)[^)]*\)")


def plain_advice(code: ErrorCode, is_session_api: bool, names: Mapping[str, object]) -> str:
    """The advice as plain text, with links as file names.

    `is_session_api`: for `/api/m2m`. `names`: the values of path parameters in the advice, as far as they are known.
    """
    text = SESSION_ADVICE.get(code, ADVICE[code]) if is_session_api else ADVICE[code]
    text = _PARAMETER.sub(lambda match: _name(names.get(match[1])) or match[1].upper(), text)
    return _LINK.sub(r"\1 (docs/reference/\2)", text)


def _name(value: object) -> str:
    return value if isinstance(value, str) and _PLAIN_NAME.fullmatch(value) else ""
