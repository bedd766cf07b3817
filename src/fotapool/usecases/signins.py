"""Sign-in: bearer tokens, sessions, and the check of both on every request."""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import dataclass

from fotapool import hashing
from fotapool.domain.errors import Refusal, Refused
from fotapool.domain.names import AccountStatus, is_account_name
from fotapool.domain.signins import (
    BEARER_LIFETIME_MS,
    KEEP_ENDED_MS,
    bearer_is_valid,
    is_locked,
    session_is_valid,
)
from fotapool.store import signins as store
from fotapool.store.database import Connection
from fotapool.store.signins import Client, SignInRow, User
from fotapool.usecases.accounts import DirectCommand
from fotapool.usecases.context import Caller, Context

NONCE_BYTES = 16
GENERATED_PASSWORD_BYTES = 9
FLUSH_AFTER_MS = 60_000
"""A session's use is written before the answer if the written one is older than this, else within a second."""
MAX_KEYS_A_CHECK = 500

SignInKey = tuple[bytes, bytes, str]
_NO_TOKEN = b""


@dataclass(frozen=True, slots=True)
class Bearer:
    """A bearer token as it is given out: the token and how long it still lives, in seconds."""

    token: str
    expires_in_s: int


class Gate:
    """Checks the tokens of requests; many that wait at once are looked up by one statement."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._uses: dict[bytes, int] = {}
        self._waiting: list[tuple[SignInKey, asyncio.Future[SignInRow]]] = []
        self._inline = context.reader.inline
        self._looking: asyncio.Task[None] | None = None

    async def check_bearer(self, bearer: str | None) -> None:
        """Raises Refused(BEARER_MISSING or BEARER_INVALID)."""
        row = await self._look_up((_hash(bearer), _NO_TOKEN, ""))
        self._require_bearer(bearer, row)

    async def check_session(self, bearer: str | None, session: str | None) -> str:
        """The user of a request that names no account. Raises Refused."""
        row = await self._check(bearer, session, "")
        return row.username or ""

    async def check_account(self, bearer: str | None, session: str | None, account: str, request_id: str) -> Caller:
        """The user and the account of a request. Raises Refused.

        An account that does not exist and one of other users are refused alike.
        """
        named = is_account_name(account)
        row = await self._check(bearer, session, account if named else "")
        if not named:
            raise Refused(Refusal.ACCOUNT_NAME_INVALID, account)
        if row.account_id is None:
            raise Refused(Refusal.ACCOUNT_NOT_FOUND, account)
        if row.account_status != AccountStatus.ACTIVE.value:
            raise Refused(Refusal.ACCOUNT_INACTIVE, account)
        return Caller(row.username or "", request_id, row.account_id, account)

    async def _check(self, bearer: str | None, session: str | None, account: str) -> SignInRow:
        session_hash = _hash(session)
        row = await self._look_up((_hash(bearer), session_hash, account))
        self._require_bearer(bearer, row)
        if not session:
            raise Refused(Refusal.SESSION_MISSING)
        if row.username is None or row.last_used_ms is None:
            raise Refused(Refusal.SESSION_INVALID)
        now_ms = self._context.clock.now_ms()
        if not session_is_valid(max(row.last_used_ms, self._uses.get(session_hash, 0)), now_ms):
            raise Refused(Refusal.SESSION_EXPIRED)
        self._uses[session_hash] = now_ms
        if now_ms - row.last_used_ms > FLUSH_AFTER_MS:
            await self.flush()
        return row

    def _require_bearer(self, bearer: str | None, row: SignInRow) -> None:
        if not bearer:
            raise Refused(Refusal.BEARER_MISSING)
        if row.bearer_issued_ms is None:
            raise Refused(Refusal.BEARER_INVALID, "unknown")
        if not bearer_is_valid(row.bearer_issued_ms, bool(row.bearer_revoked), self._context.clock.now_ms()):
            raise Refused(Refusal.BEARER_INVALID, "revoked" if row.bearer_revoked else "expired")

    async def _look_up(self, key: SignInKey) -> SignInRow:
        if self._inline:
            return (await self._context.reader.short(store.read_sign_ins, [key]))[0]
        future: asyncio.Future[SignInRow] = asyncio.get_running_loop().create_future()
        self._waiting.append((key, future))
        if self._looking is None:
            self._looking = asyncio.create_task(self._look_up_waiting())
        return await future

    async def _look_up_waiting(self) -> None:
        """Looks up what waits, batch after batch."""
        while self._waiting:
            batch, self._waiting = self._waiting[:MAX_KEYS_A_CHECK], self._waiting[MAX_KEYS_A_CHECK:]
            await self._look_up_batch(batch)
        self._looking = None

    async def _look_up_batch(self, batch: list[tuple[SignInKey, asyncio.Future[SignInRow]]]) -> None:
        try:
            rows = await self._context.reader.short(store.read_sign_ins, [key for key, _ in batch])
        except Exception as error:
            for _, future in batch:
                if not future.done():
                    future.set_exception(error)
            return
        for (_, future), row in zip(batch, rows, strict=True):
            if not future.done():
                future.set_result(row)

    async def flush(self) -> None:
        """Writes the sessions' uses, so that other processes and a restart know of them."""
        uses, self._uses = self._uses, {}
        if not uses:
            return
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


async def find_client(context: Context, key: str) -> Client | None:
    return await context.reader.short(store.read_client, key)


async def issue_bearer(context: Context, client: Client, secret: str) -> Bearer:
    """The client's bearer token: the same one within its hour, else a new one. The secret is verified already."""
    nonce = context.random_bytes(NONCE_BYTES)
    token = await hashing.derive_token(secret, nonce)

    def issue(connection: Connection, now_ms: int) -> Client | None:
        latest = store.read_client(connection, client.key)
        if latest and latest.issued_ms is not None and bearer_is_valid(latest.issued_ms, bool(latest.revoked), now_ms):
            return latest
        store.record_bearer(connection, hashing.token_hash(token), client.key, nonce, now_ms)
        return None

    existing = await context.writer.submit(DirectCommand(issue))
    if existing is None:
        return Bearer(token, BEARER_LIFETIME_MS // 1000)
    left_ms = (existing.issued_ms or 0) + BEARER_LIFETIME_MS - context.clock.now_ms()
    token = await hashing.derive_token(secret, existing.nonce or b"")
    return Bearer(token, max(0, left_ms // 1000))


async def revoke_bearer(context: Context, client_key: str, token: str) -> None:
    """Ends a token of the client; another client's token stays as it is."""
    token_hash = hashing.token_hash(token)
    await context.writer.submit(
        DirectCommand(lambda connection, _: store.record_bearer_revoked(connection, token_hash, client_key))
    )


async def log_in(context: Context, username: str, password: str) -> str:
    """A new session token. Raises Refused(LOGIN_REFUSED), the same for whatever reason."""
    token = str(uuid.UUID(bytes=context.random_bytes(16), version=4))
    await _verified(context, username, password, hashing.token_hash(token))
    return token


async def _verified(context: Context, username: str, password: str, session_hash: bytes | None) -> None:
    """Verifies the password, counts a failure, and opens the session if one is given. Raises Refused."""
    user = await context.reader.short(store.read_user, username)
    matches = await hashing.verify_secret(user.password_hash if user else None, password)

    def settle(connection: Connection, now_ms: int) -> bool:
        current: User | None = store.read_user(connection, username)
        if current is None or is_locked(current.failed_logins):
            return False
        accepted = matches and user is not None and current.password_hash == user.password_hash
        failed = 0 if accepted else current.failed_logins + 1
        if failed != current.failed_logins:
            store.record_failed_logins(connection, username, failed)
        if accepted and session_hash:
            store.record_session(connection, session_hash, username, now_ms)
        return accepted

    if not await context.writer.submit(DirectCommand(settle)):
        raise Refused(Refusal.LOGIN_REFUSED)


async def log_out(context: Context, session: str) -> None:
    """Ends the session."""
    session_hash = hashing.token_hash(session)
    await context.writer.submit(
        DirectCommand(lambda connection, _: store.record_session_ended(connection, session_hash))
    )


async def reset_password(context: Context, username: str, old_password: str) -> str:
    """A new random password, effective at once. A wrong old one counts as a failed login. Raises Refused."""
    await _verified(context, username, old_password, None)
    password = context.random_bytes(GENERATED_PASSWORD_BYTES).hex()
    stored = await hashing.hash_secret(password)
    await context.writer.submit(
        DirectCommand(lambda connection, _: store.record_password(connection, username, stored))
    )
    return password


async def forget_ended(context: Context) -> None:
    """Forgets tokens that ended long ago."""
    before_ms = context.clock.now_ms() - KEEP_ENDED_MS
    await context.writer.submit(
        DirectCommand(lambda connection, _: store.record_ended_forgotten(connection, before_ms, before_ms))
    )
