"""Answers to changes with an idempotency key, as the writer records them and as they are deleted."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any

import pytest

from fotapool.api.common.operations import Call
from fotapool.domain.errors import Conflict, ErrorCode, RequestRejected
from fotapool.domain.idempotency import RETENTION_ANSWERS_MS, KeyedRequest
from fotapool.services.accounts import kept_answers
from fotapool.services.commands import DirectCommand
from fotapool.services.context import Caller, Context
from fotapool.store.accounts.kept_answers import AnsweredBefore
from fotapool.store.db.connection import Connection
from support.fleets import World, make_world
from worker.conftest import OpenContext

Play = Callable[[Context, World], Awaitable[None]]


@pytest.fixture
def played(open_context: OpenContext) -> Callable[[Play], None]:
    def play(what: Play) -> None:
        async def run() -> None:
            async with open_context() as context:
                await what(context, await make_world(context, devices=1))

        asyncio.run(run())

    return play


def command(world: World, key: str, result: str, request: bytes = b"r", decide: Any = None) -> DirectCommand[str]:
    """A command whose answer is its result."""
    keyed = KeyedRequest((world.caller.account_id, "user", key), request * 32, str.encode)
    caller = Caller("user", "request", world.caller.account_id, keyed=keyed)
    return DirectCommand(decide or (lambda connection, now_ms: result), caller=caller)


async def submit(context: Context, *commands: DirectCommand[str]) -> list[Any]:
    """The results and errors; of an answer given again, the answer."""
    found = await asyncio.gather(*(context.writer.submit(one) for one in commands), return_exceptions=True)
    return [one.answer if isinstance(one, AnsweredBefore) else one for one in found]


async def keys(world: World) -> list[str]:
    return [key for (key,) in await world.fetch("SELECT key FROM idempotency_key ORDER BY answered_ms, key")]


def test_the_answer_of_the_first_command_is_the_answer_of_all(played: Callable[[Play], None]) -> None:
    async def play(context: Context, world: World) -> None:
        assert await submit(context, command(world, "a", "one"), command(world, "b", "two")) == ["one", "two"]
        again = await submit(
            context, command(world, "b", "new"), command(world, "c", "three"), command(world, "a", "x")
        )
        assert again == [b"two", "three", b"one"]
        assert await keys(world) == ["a", "b", "c"]

    played(play)


def test_two_with_one_key_in_a_batch_make_one_change(played: Callable[[Play], None]) -> None:
    """A server does not take the second one while it handles the first, so that only the constraint can see them."""

    async def play(context: Context, world: World) -> None:
        first, second = await submit(context, command(world, "a", "one"), command(world, "a", "two"))
        assert (first, second) == ("one", b"one")
        assert await keys(world) == ["a"]

    played(play)


def test_another_request_with_the_key_is_refused(played: Callable[[Play], None]) -> None:
    async def play(context: Context, world: World) -> None:
        await submit(context, command(world, "a", "one"))
        (error,) = await submit(context, command(world, "a", "two", request=b"s"))
        assert isinstance(error, RequestRejected)
        assert error.code is ErrorCode.IDEMPOTENCY_KEY_REUSED

    played(play)


def test_a_rejection_and_a_fault_keep_nothing_and_their_neighbors_are_kept(played: Callable[[Play], None]) -> None:
    def reject(connection: Connection, now_ms: int) -> str:
        raise Conflict("no")

    def fail(connection: Connection, now_ms: int) -> str:
        raise ZeroDivisionError

    async def play(context: Context, world: World) -> None:
        others = command(world, "b", "", decide=reject), command(world, "c", "", decide=fail)
        first, rejected, failed, last = await submit(
            context, command(world, "a", "one"), *others, command(world, "d", "two")
        )
        assert (first, last) == ("one", "two")
        assert (type(rejected), type(failed)) == (Conflict, ZeroDivisionError)
        assert await keys(world) == ["a", "d"]

    played(play)


def test_answers_are_deleted_when_they_are_a_day_old_some_at_a_time(
    played: Callable[[Play], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept_answers, "ANSWERS_PER_PURGE", 2)

    async def play(context: Context, world: World) -> None:
        await submit(context, *(command(world, f"old-{number}", "one") for number in range(5)))
        context.clock.move_to(context.clock.now_ms() + 1)  # type: ignore[attr-defined]
        await submit(context, command(world, "young", "two"))
        context.clock.move_to(context.clock.now_ms() + RETENTION_ANSWERS_MS - 1)  # type: ignore[attr-defined]
        submitted = context.writer.submitted
        assert await kept_answers.purge_kept_answers(context) == 5
        assert context.writer.submitted - submitted == 3
        assert await keys(world) == ["young"]
        assert await kept_answers.purge_kept_answers(context) == 0

    played(play)


def test_a_key_whose_answer_is_a_day_old_is_new(played: Callable[[Play], None]) -> None:
    async def play(context: Context, world: World) -> None:
        await submit(context, command(world, "a", "one"))
        context.clock.move_to(context.clock.now_ms() + RETENTION_ANSWERS_MS - 1)  # type: ignore[attr-defined]
        assert await submit(context, command(world, "a", "two")) == [b"one"]
        context.clock.move_to(context.clock.now_ms() + 1)  # type: ignore[attr-defined]
        assert await submit(context, command(world, "a", "two", request=b"s")) == ["two"]
        assert await keys(world) == ["a"]

    played(play)


def test_a_call_that_is_canceled_leaves_the_writer_what_its_answer_is_written_with() -> None:
    """The writer may be deciding the change in its thread."""

    async def play() -> None:
        keyed = KeyedRequest((1, "user", "a"), b"r" * 32)
        caller = Caller("user", "request", 1, keyed=keyed)
        change = asyncio.get_running_loop().create_future()
        call: Any = SimpleNamespace(caller=caller)
        answering = asyncio.create_task(Call.answer(call, change, lambda result: result))
        await asyncio.sleep(0)
        answering.cancel()
        await asyncio.wait([answering])
        assert keyed.write_answer is not None
        assert keyed.write_answer("done") == b'"done"'

    asyncio.run(play())
