"""Error codes of rejected requests, in order of precedence, and the exceptions of the domain."""

from __future__ import annotations

import enum
from collections.abc import Sequence


class ErrorCode(enum.Enum):
    """Why a request was rejected as a whole. Each version of the API maps every member to its own error.

    Members are in order of precedence: if two apply, the earlier one is returned.
    """

    BEARER_MISSING = "bearer token missing"
    BEARER_INVALID = "bearer token not known, expired or revoked"
    SESSION_MISSING = "session token missing"
    SESSION_INVALID = "session token not known"
    SESSION_EXPIRED = "session idle for too long"
    LOGIN_REFUSED = "user name or password wrong, or user locked"
    RATE_LIMITED = "the client or the user has made too many requests"
    ACCOUNT_NAME_INVALID = "account name has an illegal character"
    ACCOUNT_NOT_FOUND = "account does not exist, or is not the user's"
    ACCOUNT_INACTIVE = "account is suspended or closed"
    BODY_TOO_LARGE = "request body is over the limit"
    ENCODING_UNSUPPORTED = "request body has an encoding that is not supported"
    IDEMPOTENCY_KEY_INVALID = "idempotency key is not 1 to 255 visible ASCII characters"
    IDEMPOTENCY_KEY_IN_USE = "the first request with the idempotency key is still being handled"
    MEMBER_UNKNOWN = "a member or query parameter that the operation does not take, with `--strict`"
    BODY_INVALID = "request body is empty or is not what the operation takes"
    TYPE_INVALID = "type is not one that the operation takes"
    NOT_EMULATED = "not part of what is emulated"
    DEVICE_LIST_EMPTY = "no device list, or an empty one"
    DEVICE_LIST_TOO_LONG = "more devices than one request may hold"
    DEVICE_ID_INVALID = "not a 15-digit IMEI"
    CAMPAIGN_ID_INVALID = "not a UUID"
    PACKAGE_UNKNOWN = "no such firmware or software, or its versions are others"
    FILE_UNKNOWN = "no such file of this account"
    PROTOCOL_INVALID = "not a protocol that devices speak"
    START_DATE_INVALID = "start date missing, malformed or past"
    END_DATE_INVALID = "end date missing, malformed or before the start"
    WINDOW_INVALID = "time windows or their dates are malformed or contradict each other"
    STATUS_INVALID = "not a status of a campaign"
    PILOT_TOO_LARGE = "a pilot campaign has at most 20 devices"
    CAMPAIGN_UNKNOWN = "no such campaign of this account"
    CAMPAIGN_STARTED = "the campaign has started or ended"
    DEVICES_FIXED = "devices can no longer be added or removed"
    DATES_FIXED = "these dates or windows can no longer be changed"
    URL_INVALID = "not a URL that callbacks may be sent to"
    SERVICE_INVALID = "not a callback service"
    FILE_INVALID = "the upload is not what the operation takes"
    FILE_TOO_LARGE = "the file is over the limit"
    FILE_EXISTS = "the file and version exist already"
    LOGGING_LIMIT = "logging is on for as many devices as it can be"
    DEVICE_UNKNOWN = "not a device of this account"
    INDEX_INVALID = "index is not a number"
    INDEX_TOO_HIGH = "index is beyond the end of the list"
    CURSOR_UNKNOWN = "index is no device of this account"
    IDEMPOTENCY_KEY_REUSED = "the idempotency key belongs to another request"
    BUSY = "too many requests are waiting"
    STORE_UNAVAILABLE = "the database does not answer"
    INTERNAL = "a fault of the server"


class RequestRejected(Exception):
    """The request was rejected as a whole and changed nothing.

    `detail` is the invalid value or the cause; `offenders` are the invalid device ids, if any. `retry_after_s` says
    when to try again, if the server knows it; None for the setting.
    """

    def __init__(
        self, code: ErrorCode, detail: str = "", offenders: Sequence[str] = (), retry_after_s: int | None = None
    ) -> None:
        super().__init__(code.value)
        self.code = code
        self.detail = detail
        self.offenders = tuple(offenders)
        self.retry_after_s = retry_after_s


class Conflict(Exception):
    """The current state does not allow the operator's request; the message is meant for people."""


class NotFound(Exception):
    """The operator named a resource that does not exist; the message says which."""


class AccountGone(NotFound):
    """The account was deleted after it had been looked up."""


class Invalid(Exception):
    """The operator's request is malformed; the message says how to correct it."""
