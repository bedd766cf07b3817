"""The events that the log can have: a closed list, from which docs/reference/monitoring/log-events.md is generated."""

from __future__ import annotations

import enum
import logging
from logging import DEBUG, ERROR, INFO, WARNING

import msgspec

from fotapool.core.logs.context import CurrentRequest, current_request

FEW = 3
"""How many lines of an event are written within a period before the others are only counted."""
MANY = 20
"""How many lines are written of events whose lines are each about another person, device or account."""
ALL = 0
"""All lines are written."""


class Event(msgspec.Struct, frozen=True):
    """An event: its level, its message with `{fields}`, when it is written and what to do about it."""

    level: int
    message: str
    meaning: str
    burst: int = FEW
    by: str = ""
    """The field whose values are counted separately."""


class LogEvent(enum.Enum):
    """The name of an event is its member's name in lower case."""

    SERVER_STARTED = Event(INFO, "fotapool {version} serves on {address}", "The server accepts connections.")
    WORKER_STARTED = Event(INFO, "worker {number} runs as process {pid}", "A worker starts, or its replacement.", MANY)
    EMULATOR_EMPTY = Event(
        INFO,
        "no clients, users and accounts: sign-in fails until there are some; start with --seed demo or --seed FILE",
        "The emulator started without a seed. Load one with `PUT /control/v1/snapshot`, or create what you need in the"
        " console or with the operator API.",
    )
    START_KEY_RETIRED = Event(
        WARNING,
        "the key of --operator-key was retired and is refused",
        "Operators sign in with their own keys. Leave the option out; or, if nobody has a key any more, restart with"
        " another one.",
    )
    DATA_PURGED = Event(
        INFO,
        "deleted {rows} rows of {kind} from before {before}",
        "Data was older than its retention setting says. See [stored data](operating.md#stored-data).",
        burst=MANY,
        by="kind",
    )
    SERVER_DRAINING = Event(
        INFO,
        "draining for {drain_s} s, then stopping",
        "SIGTERM arrived: `/health/ready` answers 503, and the server stops after `--drain-s`.",
    )
    SERVER_STOPPING = Event(INFO, "no longer listening; requests in progress are finished", "The server stops.")
    SERVER_STOPPED = Event(INFO, "the server has stopped", "The process is about to end.")
    REQUESTS_CUT = Event(
        WARNING,
        "{requests} requests took longer than {stop_timeout_s} s; their connections are closed",
        "The server stops and does not wait any longer. Raise `--stop-timeout-s` if it happens often.",
    )
    SERVER_STOP_FORCED = Event(
        ERROR,
        "the server did not stop within {seconds} s after its last request; it ends now",
        "Callbacks or a commit took too long at the stop. What was answered is stored.",
    )
    WORKER_REPLACED = Event(
        WARNING,
        "worker {pid} {problem}; another one starts {when}",
        "A worker crashed or hung. See [A worker keeps ending](worker-flapping.md).",
        burst=MANY,
    )
    WORKER_START_FAILED = Event(
        ERROR, "worker {pid} cannot start: {reason}", "A worker ended because of its settings or the database."
    )
    WORKER_KILLED = Event(
        ERROR,
        "worker {pid} did not stop and was killed",
        "A worker did not end within its time at the stop.",
        burst=MANY,
    )
    START_SCRIPT_FAILED = Event(
        ERROR, "start-up script {script} failed: {reason}", "A script of `--init-dir` failed; `/health/ready` names it."
    )
    DATABASE_DOWN = Event(
        ERROR,
        "the database does not answer: {reason}",
        "The first failure of the database. Changes are answered 503 until `database_up`. "
        "See [The database is down](database-down.md).",
    )
    DATABASE_UP = Event(WARNING, "the database answers again, after {seconds:.1f} s", "The end of `database_down`.")
    NOT_READY = Event(
        INFO, "not ready: {reason}", "`/health/ready` or `/metrics` could not read and write the database."
    )
    SCHEMA_MISMATCH = Event(
        ERROR,
        "{reason}",
        "The database's schema is not this program's. Run `fotapool database migrate`, or the other version.",
    )
    COMMIT_UNSETTLED = Event(
        WARNING,
        "the connection broke during a commit; the changes were {outcome}",
        "The requests were answered by what was found out; `committed or rolled back` was answered 503.",
        burst=MANY,
    )
    DEADLOCK = Event(
        INFO,
        "deadlock with another server; the changes are retried one by one: {reason}",
        "Two servers changed the same rows. Nothing is lost.",
    )
    CHANGE_FAILED = Event(ERROR, "a change failed and was rolled back", "A fault of the server, with its traceback.")
    BATCH_FAILED = Event(
        ERROR,
        "a batch failed; its {changes} changes are retried one by one",
        "A fault of the server; `change_failed` follows for the change that is to blame.",
    )
    REQUEST = Event(
        INFO,
        "{method} {path} {status} {duration_ms} ms {bytes} bytes, from {client}",
        "A request was answered; only with `--access-log`. The query is left out. `bytes` are those of the body.",
        burst=ALL,
    )
    REQUEST_FAILED = Event(
        ERROR, "request {request_id} failed", "A request was answered 500: a fault of the server, with its traceback."
    )
    SIGN_IN_BROKEN = Event(ERROR, "sign-in failed", "A sign-in was answered 500: a fault of the server.")
    OPERATOR_KEY_REFUSED = Event(
        WARNING,
        "an operator key from {address} was refused",
        "Nobody has this key. See [A key has leaked](key-leaked.md).",
        burst=MANY,
        by="address",
    )
    PERSON_REFUSED = Event(
        WARNING,
        "a sign-in through {provider} from {address} was refused: {reason}",
        "See [Sign-in for people](sign-in.md#when-a-sign-in-fails).",
        burst=MANY,
        by="address",
    )
    PROVIDER_FAILED = Event(
        ERROR,
        "nobody can sign in through {provider}: {reason}",
        "The provider did not answer, or not as it should. Operator keys still work. See "
        "[Sign-in for people](sign-in.md#when-a-sign-in-fails).",
        by="provider",
    )
    RATE_LIMITED = Event(
        INFO,
        "{who} has made too many requests: answered 429, may go on in {seconds} s",
        "`--client-requests-per-s` and `--user-requests-per-s` set the rates.",
        by="who",
    )
    CLIENT_REFUSED = Event(
        WARNING,
        "API client {client} from {address} was refused",
        "The key is unknown, or the secret is wrong.",
        burst=MANY,
        by="address",
    )
    USER_REFUSED = Event(
        WARNING,
        "user {user} from {address} was refused",
        "The user is unknown or locked, or the password is wrong.",
        burst=MANY,
        by="address",
    )
    USER_LOCKED = Event(
        WARNING,
        "user {user} is locked after too many failures",
        "Unlock the user: `fotapool users unlock`.",
        burst=MANY,
    )
    DEVICE_KEY_REFUSED = Event(
        WARNING,
        "a device key from {address} was refused",
        "The key is unknown or was deleted.",
        burst=MANY,
        by="address",
    )
    SIGN_INS_THROTTLED = Event(
        WARNING,
        "too many failures: {who} may try again in {seconds} s",
        "Answered 429 or 503. `--max-failed-sign-ins` sets the number.",
        by="who",
    )
    DEVICE_FAILED = Event(
        WARNING,
        "{device} failed at {failure} in upgrade {upgrade_id}: {said}",
        "A device reported a failure. The message is also shown on the console's page of the device.",
        burst=MANY,
        by="account",
    )
    DEVICE_MESSAGE = Event(
        INFO,
        "{device} in upgrade {upgrade_id}, {step}: {said}",
        "A device reported progress with a message.",
        burst=MANY,
        by="account",
    )
    CALLBACK_GIVEN_UP = Event(
        ERROR,
        "callback {delivery} to listener {listener} of {account} was given up after {attempts} attempts: {reason}",
        "It is not sent again by itself. See [Callbacks fail](callbacks-failing.md).",
        burst=MANY,
        by="account",
    )
    CALLBACK_FAILED = Event(
        INFO,
        "callback {delivery} to listener {listener} of {account} failed in attempt {attempts}: {reason}",
        "It is sent again later; the listener's other callbacks wait for it.",
        burst=FEW,
        by="account",
    )
    CALLBACK_TARGET_DENIED = Event(
        WARNING,
        "a callback was not sent: {reason}",
        "The receiver's address is private. `--callback-private-targets` allows it.",
        by="reason",
    )
    CALLBACK_NOT_ENCODED = Event(
        ERROR, "delivery {delivery} cannot be serialized", "A fault of the server, with its traceback.", burst=MANY
    )
    CALLBACK_NOT_RECORDED = Event(
        ERROR,
        "callbacks of account {account_id} were sent but not recorded",
        "The database did not answer; they are sent again when the lease has expired.",
    )
    CALLBACK_LEASE_LOST = Event(
        WARNING,
        "a batch of account {account_id} lasted longer than its lease",
        "Another server may have sent the same callbacks.",
    )
    CALLBACKS_BROKEN = Event(
        WARNING, "callback delivery failed, will retry: {reason}", "The database does not answer, or a fault."
    )
    JOBS_FAILED = Event(
        WARNING,
        "background jobs failed, will retry: {reason}",
        "Due campaigns, notices or scheduled changes were not processed; the next try is a second later. "
        "See [A campaign is stuck](campaign-stuck.md).",
    )
    BULK_JOB_FAILED = Event(
        WARNING, "bulk job step failed, will retry: {reason}", "The same step is tried again a second later."
    )
    SCHEDULED_CHANGE_FAILED = Event(
        WARNING,
        "scheduled change {id} failed ({failure}): {reason}",
        "A scheduled change of a subscription was not carried out when it was due. It is not tried again: "
        "schedule another one. The audit log has it too.",
    )
    ALERT_BEGAN = Event(
        WARNING,
        "alert {rule} began for {account}: {reason}",
        "A threshold of an alert rule was reached. See [Alerts](alerts.md).",
        burst=MANY,
    )
    ALERT_ENDED = Event(INFO, "alert {rule} ended for {account}", "The end of `alert_began`.", burst=MANY)
    ALERTS_LEFT_OUT = Event(
        WARNING,
        "rule {rule} has {limit} open alerts; further ones are left out",
        "Raise the threshold of the rule. Alerts begin again as others end.",
        by="rule",
    )
    CAMPAIGN_STOPPED = Event(
        WARNING,
        "campaign {campaign} of account {account_id} was stopped by its stop rule: too many devices failed",
        "The account's stop rule was reached. Devices in progress finish; the others are canceled. "
        "See [Stop campaigns that fail](alerts.md#stop-campaigns-that-fail).",
        burst=MANY,
    )
    CLOCK_ADVANCE_FAILED = Event(ERROR, "clock advance failed", "The test clock of the emulator stopped on its way.")
    METRICS_NOT_SENT = Event(
        ERROR,
        "metrics could not be sent; they are sent again in {interval_s} s",
        "The OpenTelemetry collector does not answer. Nothing is lost: the next sums contain these.",
    )
    AUDIT_LOG_ENTRY_LOST = Event(
        WARNING,
        "{action} by {operator} (status {status}) is not in the audit log: {reason}",
        "A refused attempt could not be recorded, since the database does not take changes.",
    )
    AUDIT_INCONSISTENT = Event(
        ERROR,
        "the audit of {account} is inconsistent: {check}: {found}",
        "An invariant does not hold, which is a fault of the server. See [The audit fails](audit-failing.md).",
        burst=MANY,
    )
    STORAGE_FAILED = Event(
        WARNING, "the storage {storage} failed: {reason}", "Files and packages are answered 503 until it works."
    )
    CONTENT_MISSING = Event(
        WARNING, "the content {key} is missing from the storage", "Restore it, or upload the file or package again."
    )
    CONTENT_INCOMPLETE = Event(
        WARNING,
        "the content {key} has {found} bytes in the storage instead of {size}",
        "Restore it, or upload the file or package again.",
    )
    CONTENT_UNCHECKED = Event(WARNING, "content {key} could not be checked: {reason}", "The storage does not answer.")
    CONTENT_NOT_DELETED = Event(
        WARNING, "unused content {key} could not be deleted: {reason}", "It takes space and does no harm."
    )
    RECORDING_FAILED = Event(
        ERROR,
        "request {number} not recorded: redaction failed ({error_type})",
        "`fotapool record`: the client got its answer all the same.",
    )
    RECORDING_ENDED = Event(
        WARNING,
        "{reason}. Requests are forwarded, but no longer recorded: start another recording",
        "`fotapool record`: the file is full, or cannot be written.",
    )
    NOT_RECORDED = Event(WARNING, "not recorded: {reason}", "`fotapool record`: the service could not be reached.", ALL)
    LINES_SUPPRESSED = Event(
        WARNING,
        "{suppressed} more lines of {of} within {seconds} s were not written",
        "An event repeats. Its first lines are written, the others are counted. The level is that of these lines.",
        burst=ALL,
    )
    LIBRARY = Event(
        DEBUG, "its own", "A line of a library, as uvicorn or asyncio, with the level and logger that it chose."
    )

    @property
    def word(self) -> str:
        """The name of the event in the log."""
        return self.name.lower()


class Log:
    """Writes events. Create one for each module, as `log = Log(__name__)`."""

    __slots__ = ("_logger",)

    def __init__(self, name: str) -> None:
        self._logger = logging.getLogger(name)

    def write(
        self,
        event: LogEvent,
        error: BaseException | None = None,
        request: CurrentRequest | None = None,
        /,
        **fields: object,
    ) -> None:
        """Writes a line with the fields of the event's message, and the traceback of `error`. Never pass secrets.

        `request` is the one that the line belongs to, if that is not the current one.
        """
        found = event.value
        if self._logger.isEnabledFor(found.level):
            self._logger.log(
                found.level,
                found.message.format_map(fields),
                exc_info=error,
                extra={"event": event, "fields": fields, "request": request or current_request()},
                stacklevel=2,
            )
