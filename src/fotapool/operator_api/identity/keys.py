"""What operations on operator keys and device keys share, and the start key."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Protocol

import msgspec

from fotapool.core.durations import DURATION_PATTERN, parse_duration_ms
from fotapool.core.timestamps import format_timestamp
from fotapool.domain.identity import Role
from fotapool.operator_api.calls import OperatorCall, time_or_none
from fotapool.services.identity.keys import start_key
from fotapool.services.identity.keys.start_key import StartKeyState
from fotapool.web.operations import Operation

_Duration = Annotated[str, msgspec.Meta(extra_json_schema={"pattern": DURATION_PATTERN}, examples=["P1D"])]


class Rotation(msgspec.Struct, forbid_unknown_fields=True):
    """For how long the old key stays valid, at most 90 days (ISO 8601). `PT0S` ends it at once."""

    overlap: _Duration = "P1D"

    @property
    def overlap_ms(self) -> int:
        """Raises Invalid."""
        return parse_duration_ms("overlap", self.overlap)


class KeyView(msgspec.Struct):
    """A valid key: its first characters, its last use to the minute, and its end if it was replaced."""

    prefix: str
    createTime: str
    lastUseTime: str | None
    expireTime: str | None


class StoredKey(Protocol):
    """The facts about a key. Times in ms."""

    @property
    def prefix(self) -> str: ...
    @property
    def issued_ms(self) -> int: ...
    @property
    def used_ms(self) -> int | None: ...
    @property
    def expires_ms(self) -> int | None: ...


def key_view(key: StoredKey) -> KeyView:
    return KeyView(key.prefix, format_timestamp(key.issued_ms), time_or_none(key.used_ms), time_or_none(key.expires_ms))


def old_key_view(keys: Sequence[StoredKey]) -> KeyView | None:
    """The view of the key that was replaced and is still valid; it follows the present one."""
    return key_view(keys[1]) if len(keys) > 1 else None


class StartKey(msgspec.Struct):
    """The key that the server was started with (`--operator-key`). A retired key is refused."""

    state: StartKeyState
    prefix: str
    lastUseTime: str | None
    retireTime: str | None


async def read_start_key(call: OperatorCall) -> StartKey:
    """Read whether the key that the server was started with is valid."""
    view = await start_key.read_start_key_view(call.context)
    return StartKey(view.state, view.prefix, time_or_none(view.used_ms), time_or_none(view.retired_ms))


async def retire_start_key(call: OperatorCall) -> None:
    """Retire the key that the server was started with."""
    await start_key.retire_start_key(call.context)


OPERATIONS = (
    Operation("GET", "/start-key", read_start_key),
    Operation("DELETE", "/start-key", retire_start_key, role=Role.ADMIN),
)
