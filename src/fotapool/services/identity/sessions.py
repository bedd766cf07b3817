"""Sign-in: bearer tokens, sessions, and the check of both on every request."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator, Callable

import msgspec

from fotapool.core import hashing
from fotapool.core.logs.events import Log, LogEvent
from fotapool.core.throttle import Throttled
from fotapool.domain.errors import ErrorCode, RequestRejected
from fotapool.domain.identity import RETENTION_ENDED_MS, bearer_is_valid, is_locked, session_is_valid
from fotapool.domain.names import AccountStatus, is_account_name
from fotapool.services.commands import DirectCommand
from fotapool.services.context import Caller, Context
from fotapool.services.identity.rate_limits import rate_limits
from fotapool.store.db.connection import NO_AUTH_EPOCH, Connection
from fotapool.store.identity import sessions as store
from fotapool.store.identity.sessions import SignInRow, User

GENERATED_PASSWORD_BYTES = 9
FLUSH_AFTER_MS = 60_000
"""A session's use is written before the response if the stored one is older than this, else within a second."""
MAX_KEYS_PER_READ = 500
MAX_ACCEPTED = 10_000
"""Maximum number of accepted sign-ins that a process caches."""

MAX_SHOWN = 200
"""How many characters of a user name the log shows."""
log = Log(__name__)

SignInKey = tuple[bytes, bytes, str]
_NO_TOKEN = b""


class Authenticator:
    """Checks the tokens of requests.

    Accepted sign-ins are cached. They hold as long as the auth epoch is the same, a number in the database that every
    end of a token, session, user, client or account increments.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._uses: dict[bytes, int] = {}
        self._written: dict[bytes, int] = {}
        """The uses of the last flush: a read under way may return a row from before it."""
        self._flushing = asyncio.Lock()
        self._accepted: dict[SignInKey, SignInRow] = {}
        self._auth_epoch = -1
        self._epoch_is_fresh = False
        self._waiting: list[tuple[SignInKey | None, asyncio.Future[tuple[int, SignInRow]]]] = []
        self._inline = context.reader.inline
        self._reading: asyncio.Task[None] | None = None
        self.limits = rate_limits(context.settings, context.metrics)
        """None without limits."""

    async def check_bearer(self, bearer: str | None) -> None:
        """Counts the request for the client's limit. Raises RequestRejected: BEARER_… or RATE_LIMITED."""
        _, row = await self._look_up((_hash(bearer), _NO_TOKEN, ""))
        self._require_bearer(bearer, row)
        if self.limits is not None:
            self.limits.take(row.client_key, None)

    async def check_session(self, bearer: str | None, session: str | None) -> str:
        """The user of a request that names no account; counts it for the limits. Raises RequestRejected."""
        _, row = await self._check(bearer, session, "", counts=True)
        return row.username or ""

    async def check_account(
        self,
        bearer: str | None,
        session: str | None,
        account: str,
        request_id: str,
        *,
        changes: bool = False,
        counts: bool = False,
    ) -> Caller:
        """The user and the account of a request. Raises RequestRejected.

        An account that does not exist and one of other users raise the same error. With `changes`, a cached sign-in
        is not checked here: the command checks its auth epoch in its transaction (AuthEpochChanged). With `counts`,
        the request is counted for the limits of client and user: a request is checked several times.
        """
        named = is_account_name(account)
        auth_epoch, row = await self._check(bearer, session, account if named else "", changes=changes, counts=counts)
        if not named:
            raise RequestRejected(ErrorCode.ACCOUNT_NAME_INVALID, account)
        if row.account_id is None:
            raise RequestRejected(ErrorCode.ACCOUNT_NOT_FOUND, account)
        if row.account_status != AccountStatus.ACTIVE.value:
            raise RequestRejected(ErrorCode.ACCOUNT_INACTIVE, account)
        return Caller(
            actor=row.username or "",
            request_id=request_id,
            account_id=row.account_id,
            account_name=account,
            auth_epoch=auth_epoch if changes else NO_AUTH_EPOCH,
        )

    async def _check(
        self, bearer: str | None, session: str | None, account: str, *, changes: bool = False, counts: bool = False
    ) -> tuple[int, SignInRow]:
        session_hash = _hash(session)
        auth_epoch, row = await self._look_up((_hash(bearer), session_hash, account), changes)
        self._require_bearer(bearer, row)
        if not session:
            raise RequestRejected(ErrorCode.SESSION_MISSING)
        if row.username is None or row.last_used_ms is None:
            raise RequestRejected(ErrorCode.SESSION_INVALID)
        now_ms = self._context.clock.now_ms()
        used_here_ms = self._uses.get(session_hash) or self._written.get(session_hash, 0)
        if not session_is_valid(max(row.last_used_ms, used_here_ms), now_ms):
            raise RequestRejected(ErrorCode.SESSION_EXPIRED)
        if counts and self.limits is not None:
            self.limits.take(row.client_key, row.username)
        self._uses[session_hash] = now_ms
        if now_ms - row.last_used_ms > FLUSH_AFTER_MS:
            await self.flush()
        return auth_epoch, row

    def invalidate(self) -> None:
        """Clears the cache of accepted sign-ins."""
        self._accepted.clear()

    @contextlib.asynccontextmanager
    async def discarding_uses_of(self, session_hash: bytes) -> AsyncIterator[None]:
        """Discards this process's record of the session's uses, so that it does not undo the caller's change of it."""
        async with self._flushing:
            yield
            self._uses.pop(session_hash, None)
            self._written.pop(session_hash, None)
            self.invalidate()

    @contextlib.asynccontextmanager
    async def paused(self) -> AsyncIterator[None]:
        """Discards the uses of all sessions, for a caller that replaces them; nothing is flushed meanwhile."""
        async with self._flushing:
            yield
            self._uses.clear()
            self._written = {}
            self.invalidate()

    def _require_bearer(self, bearer: str | None, row: SignInRow) -> None:
        if not bearer:
            raise RequestRejected(ErrorCode.BEARER_MISSING)
        if row.bearer_issued_ms is None:
            raise RequestRejected(ErrorCode.BEARER_INVALID, "unknown")
        if not bearer_is_valid(row.bearer_issued_ms, bool(row.bearer_revoked), self._context.clock.now_ms()):
            raise RequestRejected(ErrorCode.BEARER_INVALID, "revoked" if row.bearer_revoked else "expired")

    async def _look_up(self, key: SignInKey, changes: bool = False) -> tuple[int, SignInRow]:
        """The auth epoch, and what is stored of the tokens and the account; from the cache if the epoch is the same."""
        row = self._accepted.get(key)
        if row is not None and self._context.clock.now_ms() - (row.last_used_ms or 0) < FLUSH_AFTER_MS:
            if changes or self._epoch_is_fresh:
                return self._auth_epoch, row
            auth_epoch, _ = await self._read(None)
            if auth_epoch == self._auth_epoch:
                self._trust_until_next_tick()
                return auth_epoch, row
        auth_epoch, row = await self._read(key)
        if auth_epoch != self._auth_epoch or len(self._accepted) >= MAX_ACCEPTED:
            self._auth_epoch = auth_epoch
            self._accepted.clear()
        if row.is_complete:
            self._accepted[key] = row
        return auth_epoch, row

    def _trust_until_next_tick(self) -> None:
        """Lets requests that arrived before the epoch was read use it without reading it again."""
        if self._inline:
            self._epoch_is_fresh = True
            asyncio.get_running_loop().call_soon(self._expire_epoch)

    def _expire_epoch(self) -> None:
        self._epoch_is_fresh = False

    async def _read(self, key: SignInKey | None) -> tuple[int, SignInRow]:
        """Reads the auth epoch and, for a key, its row; one query serves all requests that wait for it."""
        if self._inline:
            auth_epoch, rows = await self._context.reader.short(
                store.read_auth_epoch_and_sign_ins, [key] if key else []
            )
            return auth_epoch, rows[0] if rows else store.NO_SIGN_IN
        future: asyncio.Future[tuple[int, SignInRow]] = asyncio.get_running_loop().create_future()
        self._waiting.append((key, future))
        if self._reading is None:
            self._reading = asyncio.create_task(self._read_waiting())
        return await future

    async def _read_waiting(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[:MAX_KEYS_PER_READ], self._waiting[MAX_KEYS_PER_READ:]
            keys = list({key for key, _ in batch if key is not None})
            try:
                auth_epoch, rows = await self._context.reader.short(store.read_auth_epoch_and_sign_ins, keys)
            except Exception as error:
                for _, future in batch:
                    if not future.done():
                        future.set_exception(error)
                continue
            found = dict(zip(keys, rows, strict=True))
            for key, future in batch:
                if not future.done():
                    future.set_result((auth_epoch, found[key] if key is not None else store.NO_SIGN_IN))
        self._reading = None

    async def flush(self) -> None:
        """Writes the sessions' uses for other processes and for a restart."""
        async with self._flushing:
            uses, self._uses = self._uses, {}
            if not uses:
                return
            self._written = uses
            try:
                await self._context.writer.submit(
                    DirectCommand(lambda connection, _: store.record_session_uses(connection, uses))
                )
            except BaseException:
                for session_hash, used_ms in uses.items():
                    self._uses.setdefault(session_hash, used_ms)
                raise


def _hash(token: str | None) -> bytes:
    return hashing.token_hash(token) if token else _NO_TOKEN


async def log_in(context: Context, username: str, password: str, address: str) -> str:
    """Returns a new session token. Raises RequestRejected: LOGIN_REFUSED without a reason, or BUSY."""
    if not username.isprintable():
        raise _refused(username, address)
    token = str(uuid.UUID(bytes=context.random_bytes(16), version=4))
    session_hash = hashing.token_hash(token)
    given = await _check_password(context, username, password, address)

    def record(connection: Connection, now_ms: int) -> None:
        store.record_session(
            connection, token_hash=session_hash, username=username, now_ms=now_ms, address=address[:MAX_SHOWN]
        )

    await _record_sign_in(context, given, record)
    return token


class _Given(msgspec.Struct, frozen=True):
    """A user name, what is stored of the user, whether the given password is the stored one, and who gave it."""

    username: str
    user: User | None
    matches: bool
    address: str


async def _check_password(context: Context, username: str, password: str, address: str) -> _Given:
    """Raises RequestRejected(BUSY) if too many hashes wait, or too many sign-ins from the address have failed."""
    user = await context.reader.short(store.read_user, username)
    stored = user.password_hash if user else None
    keys = f"user from {address}", f"user {username[:200]} from {address}"
    try:
        if not hashing.queue.is_verified(stored, password):
            context.throttle.check(*keys)
        matches = await hashing.verify_secret(stored, password)
    except (hashing.HashingBusy, Throttled) as error:
        raise RequestRejected(ErrorCode.BUSY) from error
    if not matches:
        context.throttle.failed(*keys)
    return _Given(username, user, matches, address)


async def _record_sign_in(context: Context, given: _Given, record: Callable[[Connection, int], None]) -> None:
    """Calls `record` in a transaction, or counts a failed login. Raises RequestRejected(LOGIN_REFUSED)."""

    def decide(connection: Connection, now_ms: int) -> tuple[bool, bool]:
        current = store.read_user(connection, given.username)
        if current is None or is_locked(current.failed_logins):
            return False, False
        accepted = given.matches and given.user is not None and current.password_hash == given.user.password_hash
        failed = 0 if accepted else current.failed_logins + 1
        if failed != current.failed_logins:
            store.record_failed_logins(connection, given.username, failed)
        if accepted:
            record(connection, now_ms)
        return accepted, is_locked(failed)

    accepted, locked = await context.writer.submit(DirectCommand(decide))
    if locked:
        log.write(LogEvent.USER_LOCKED, user=given.username)
    if not accepted:
        raise _refused(given.username, given.address)


def _refused(username: str, address: str) -> RequestRejected:
    """The error of a login that failed, which is logged."""
    log.write(LogEvent.USER_REFUSED, user=username[:MAX_SHOWN], address=address or "an unknown address")
    return RequestRejected(ErrorCode.LOGIN_REFUSED)


async def log_out(context: Context, session: str) -> None:
    """Ends the session."""
    session_hash = hashing.token_hash(session)
    await context.writer.submit(
        DirectCommand(lambda connection, _: store.record_session_ended(connection, session_hash))
    )


async def reset_password(context: Context, username: str, session: str, old_password: str, address: str) -> str:
    """Sets and returns a new random password, and ends the user's other sessions.

    A wrong old password counts as a failed login. Raises RequestRejected.
    """
    password = context.random_bytes(GENERATED_PASSWORD_BYTES).hex()
    given = await _check_password(context, username, old_password, address)
    stored = await hashing.hash_secret(password) if given.matches else ""
    kept = hashing.token_hash(session)

    def record(connection: Connection, now_ms: int) -> None:
        store.record_password(connection, username, stored)
        store.record_other_sessions_ended(connection, username, kept)

    await _record_sign_in(context, given, record)
    return password


async def purge_ended(context: Context) -> None:
    """Deletes tokens that ended more than RETENTION_ENDED_MS ago."""
    before_ms = context.clock.now_ms() - RETENTION_ENDED_MS
    await context.writer.submit(
        DirectCommand(lambda connection, _: store.purge_expired(connection, before_ms, before_ms))
    )
