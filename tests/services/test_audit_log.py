"""Entries of the audit log: with their change or not at all, bounded, and deleted after their time."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from msgspec.structs import replace

from fotapool.core.timestamps import DAY_MS, MINUTE_MS
from fotapool.domain.accounts.retention import Kind
from fotapool.domain.errors import Conflict, RequestRejected
from fotapool.domain.names import PurchaseType
from fotapool.services.accounts import retention
from fotapool.services.accounts.accounts import create_account
from fotapool.services.accounts.retention import Purged, purge_old_data
from fotapool.services.audit_log.drafts import MAX_ITEMS, MAX_JSON_BYTES, MAX_NAME, AuditDraft, Via
from fotapool.services.audit_log.entries import count_wrong_key, finish, flush_wrong_keys, list_entries
from fotapool.services.commands import DirectCommand
from fotapool.services.context import Context
from fotapool.store.audit_log import MAX_REFUSED_A_MINUTE, AuditEntry, AuditFilter
from fotapool.store.db.connection import Connection
from support.helpers import NOW_MS
from worker.conftest import OpenContext


def draft(action: str = "createUser", **values: Any) -> AuditDraft:
    return AuditDraft(
        operator="alice",
        role="admin",
        via=Via.CONSOLE,
        address="10.0.0.1",
        request_id="r-1",
        action=action,
        **values,
    )


async def found(context: Context, **wanted: Any) -> list[AuditEntry]:
    rows, _ = await list_entries(context, AuditFilter(**wanted), None, 1000)
    return [row.entry for row in rows]


def run(open_context: OpenContext, work: Callable[[Context], Awaitable[None]]) -> None:
    async def open_and_work() -> None:
        async with open_context() as context:
            await work(context)

    asyncio.run(open_and_work())


def test_an_entry_is_there_exactly_when_its_change_is(open_context: OpenContext) -> None:
    async def work(context: Context) -> None:
        audited = replace(context, audit=draft("createAccount"))
        await create_account(audited, "a", PurchaseType.MRC, 5)
        with pytest.raises(Conflict):
            await create_account(replace(context, audit=draft("createAccount")), "a", PurchaseType.MRC, 5)

        def fail(connection: Connection, now_ms: int) -> None:
            draft("failing").record(connection, now_ms)
            raise Conflict("after the entry")

        with pytest.raises(Conflict):
            await context.writer.submit(DirectCommand(fail, alone=True))
        assert [(one.action, one.target, one.at_ms) for one in await found(context)] == [("createAccount", "a", NOW_MS)]

    run(open_context, work)


def test_a_batch_that_is_rolled_back_and_repeated_leaves_one_entry_for_each_change(open_context: OpenContext) -> None:
    """The third change fails in a way that rolls the batch back; the others run again one by one."""

    async def work(context: Context) -> None:
        def fail(connection: Connection, now_ms: int) -> None:
            raise RuntimeError("a fault of the server")

        drafts = [draft(f"a{number}") for number in range(4)]
        made = [
            create_account(replace(context, audit=one), f"a{number}", PurchaseType.MRC, 5)
            for number, one in enumerate(drafts)
        ]
        failing = context.writer.submit(DirectCommand(fail))
        results = await asyncio.gather(*made[:2], failing, *made[2:], return_exceptions=True)
        assert [isinstance(one, RuntimeError) for one in results] == [False, False, True, False, False]
        assert sorted(one.action for one in await found(context)) == ["a0", "a1", "a2", "a3"]

    run(open_context, work)


def test_further_transactions_of_an_operation_extend_its_entry(open_context: OpenContext) -> None:
    async def work(context: Context) -> None:
        audit = draft()
        for count in (1, 2, 3):

            def change(connection: Connection, now_ms: int, count: int = count) -> None:
                audit.record(connection, now_ms, after={"imported": count})

            await context.writer.submit(DirectCommand(change))
            audit.committed()
            context.clock.move_to(context.clock.now_ms() + 1000)  # type: ignore[attr-defined]
        (entry,) = await found(context)
        assert (entry.after_json, entry.at_ms, entry.last_ms) == ('{"imported":3}', NOW_MS, NOW_MS + 2000)

    run(open_context, work)


def test_a_change_without_a_database_is_recorded_at_the_end_and_a_failure_of_the_server_is_not(
    open_context: OpenContext,
) -> None:
    async def work(context: Context) -> None:
        await finish(context, draft("createFault"), 201)
        await finish(context, draft("createFault"), 500)
        await finish(context, draft("createFault"), 503)
        await finish(context, draft("listUsers", changes=False), 200)
        await finish(context, draft("listUsers", changes=False), 404)
        await finish(context, draft("createSnapshot", changes=False), 403)
        assert [(one.action, one.status) for one in await found(context)] == [
            ("createSnapshot", 403),
            ("createFault", None),
        ]

    run(open_context, work)


def test_an_entry_that_cannot_be_written_leaves_the_answer_as_it_is(
    open_context: OpenContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def work(context: Context) -> None:
        monkeypatch.setattr("fotapool.store.db.writer.MAX_WAITING", 0)
        await finish(context, draft(), 409)
        count_wrong_key(context, Via.CONSOLE, "10.0.0.1", "r")
        with pytest.raises(RequestRejected):
            await flush_wrong_keys(context)
        monkeypatch.undo()
        await flush_wrong_keys(context)
        assert [one.action for one in await found(context)] == ["signIn"]

    run(open_context, work)


def test_refused_attempts_are_bounded_by_operator_and_minute(open_context: OpenContext) -> None:
    async def work(context: Context) -> None:
        for minute in range(2):
            for number in range(MAX_REFUSED_A_MINUTE + 20):
                await finish(context, draft(f"action{number}"), 403)
            await finish(context, draft("action0"), 403)
            context.clock.move_to(NOW_MS + (minute + 1) * MINUTE_MS)  # type: ignore[attr-defined]
        refused = await found(context, refused=True)
        assert len(refused) == 2 * (MAX_REFUSED_A_MINUTE + 1)
        assert sum(one.attempts for one in refused) == 2 * (MAX_REFUSED_A_MINUTE + 21)
        assert [one.attempts for one in await found(context, action="others")] == [20, 20]
        assert [one.attempts for one in await found(context, action="action0")] == [2, 2]

    run(open_context, work)


def test_wrong_keys_of_any_number_of_addresses_are_bounded_too(open_context: OpenContext) -> None:
    async def work(context: Context) -> None:
        for _ in range(2):
            for number in range(500):
                count_wrong_key(context, Via.OPERATOR_API, f"2001:db8::{number:x}", "r")
            await flush_wrong_keys(context)
            await flush_wrong_keys(context)
        wrong = await found(context)
        assert len(wrong) <= MAX_REFUSED_A_MINUTE + 1
        assert sum(one.attempts for one in wrong) == 1000
        assert {(one.operator, one.status) for one in wrong} <= {("", 401), ("", 0)}

    run(open_context, work)


def test_entries_are_bounded_in_size_and_hold_what_both_databases_can_store(open_context: OpenContext) -> None:
    async def work(context: Context) -> None:
        audit = draft(target="\x00" * 1000, reason="\ud800" * 5000)
        audit.describe(
            {"list": list(range(1000)), "text": "x" * 10_000, "nested": {"a": {"b": {"c": {"d": {"e": 1}}}}}},
            {f"member{number}": "y" * 299 for number in range(MAX_ITEMS)},
        )
        await finish(context, audit, 200)
        (entry,) = await found(context)
        assert len(entry.target) == MAX_NAME
        assert "\x00" not in entry.target
        before, after = json.loads(entry.before_json or ""), json.loads(entry.after_json or "")
        assert before["list"] == [*range(MAX_ITEMS), f"… {1000 - MAX_ITEMS} more"]
        assert (len(before["text"]), before["nested"]) == (300, {"a": {"b": {"c": "…"}}})
        assert len(entry.after_json or "") <= MAX_JSON_BYTES
        assert after["…"].endswith("members left out")

    run(open_context, work)


def test_old_entries_are_deleted_in_bounded_steps(open_context: OpenContext, monkeypatch: pytest.MonkeyPatch) -> None:
    async def work(context: Context) -> None:
        monkeypatch.setattr(retention, "ROWS_PER_STEP", 3)
        for number in range(8):
            await finish(context, draft(f"old{number}"), 200)
        context.clock.move_to(NOW_MS + 365 * DAY_MS)  # type: ignore[attr-defined]
        await finish(context, draft("new"), 200)
        assert await purge_old_data(context, [Kind.AUDIT_LOG]) == [Purged(Kind.AUDIT_LOG, 0, complete=True)]
        context.clock.move_to(NOW_MS + 365 * DAY_MS + 1)  # type: ignore[attr-defined]
        submitted = context.writer.submitted
        assert await purge_old_data(context, [Kind.AUDIT_LOG]) == [Purged(Kind.AUDIT_LOG, 8, complete=True)]
        assert context.writer.submitted - submitted == 3
        assert [one.action for one in await found(context)] == ["new"]

    run(open_context, work)
