"""An account that is deleted between the look-up and the transaction: not found, and nothing is left of the change."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from fotapool.domain.campaigns.upgrades import UpgradeStatus
from fotapool.domain.devices.devices import Device
from fotapool.domain.errors import Conflict, NotFound
from fotapool.services.accounts.copies import copy_account
from fotapool.services.accounts.subscriptions import change_subscription
from fotapool.services.callbacks.listeners import deregister_listener, turn_off_signing, turn_on_signing
from fotapool.services.campaigns.steps import step_due_campaign
from fotapool.services.campaigns.upgrades import set_upgrade
from fotapool.services.commands import DirectCommand, PoolCommand, submit_unless_deleted
from fotapool.services.context import WORKER, Caller
from fotapool.services.devices.check_ins import check_in
from fotapool.services.devices.devices import import_devices
from fotapool.services.identity.api_clients import create_client, delete_client
from fotapool.services.identity.bearers import issue_bearer, verify_client
from fotapool.services.identity.device_keys import KeyUnknown, create_device_key, delete_device_key
from fotapool.services.licenses.candidates import append_candidates, delete_candidates
from fotapool.services.licenses.licenses import assign_licenses, remove_licenses
from fotapool.store.db.commands import Command
from fotapool.store.db.connection import Connection
from fotapool.store.db.schema import delete_everything
from fotapool.store.db.writer import Writer
from fotapool.store.identity.sessions import read_client, record_client
from support.fleets import World, make_world
from support.helpers import ACCOUNT, Api
from worker.conftest import OpenContext

TABLES = ("device", "license", "candidate", "pool_change", "listener", "device_key", "campaign", "upgrade")
LINE = Device(device=1, make="Make", model="Model", firmware="1", protocol="LWM2M", licensed_ms=None)
Change = Callable[[World], Awaitable[object]]
CHANGES: list[Change] = [
    lambda world: change_subscription(world.context, world.caller, 3, None),
    lambda world: set_upgrade(world.context, world.caller, world.devices[0], UpgradeStatus.SCHEDULED),
    lambda world: import_devices(world.context, world.caller, [LINE]),
    lambda world: append_candidates(world.context, world.caller, world.devices),
    lambda world: delete_candidates(world.context, world.caller),
    lambda world: assign_licenses(world.context, world.caller, world.devices),
    lambda world: remove_licenses(world.context, world.caller, world.devices),
    lambda world: deregister_listener(world.context, world.caller, "v3"),
    lambda world: turn_on_signing(world.context, world.caller, None),
    lambda world: turn_off_signing(world.context, world.caller),
    lambda world: create_device_key(world.context, world.caller, "key", None),
    lambda world: delete_device_key(world.context, world.caller, "key"),
    lambda world: copy_account(world.context, world.caller, "copy", True),
    lambda world: world.schedule(),
]


def delete_all(connection: Connection, now_ms: int) -> None:
    delete_everything(connection)


def test_a_change_of_an_account_that_is_gone_is_not_found(open_context: OpenContext) -> None:
    async def play() -> None:
        async with open_context() as context:
            world = await make_world(context, devices=3)
            await world.schedule()
            await context.writer.submit(DirectCommand(delete_all))
            for change in CHANGES:
                with pytest.raises(NotFound):
                    await change(world)
            with pytest.raises(KeyUnknown):
                await check_in(context, world.caller, b"key", world.devices[0], None, None)
            for table in TABLES:
                assert await world.fetch(f"SELECT count(*) FROM {table}") == [(0,)], table

    asyncio.run(play())


def test_the_worker_goes_on_where_an_account_is_gone(
    open_context: OpenContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def play() -> None:
        async with open_context() as context:
            world = await make_world(context, devices=3)
            await world.schedule(start_date="2026-03-10")
            context.clock.move_to(context.clock.now_ms() + 10_000)  # type: ignore[attr-defined]
            delete_before(monkeypatch, PoolCommand)
            assert await step_due_campaign(context) == (True, None)
            assert await step_due_campaign(context) == (False, None)
            gone = DirectCommand(lambda connection, now_ms: 1, caller=Caller(WORKER, "", world.caller.account_id))
            assert await submit_unless_deleted(context, gone, 0) == 0

    asyncio.run(play())


def test_an_operator_s_request_that_races_a_reset_is_answered_404(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    delete_before(monkeypatch, PoolCommand)
    response = api.control("PUT", f"/accounts/{ACCOUNT}/subscription", {"licenseCount": 3})
    assert (response.status_code, response.json()["detail"]) == (404, "the account does not exist any more")


def delete_before(monkeypatch: pytest.MonkeyPatch, kind: type[Command[Any]]) -> None:
    """Lets another server delete everything after the look-up, right before each command of the kind."""
    submit = Writer.submit

    async def after_deletion(writer: Writer, command: Command[Any]) -> Any:
        if isinstance(command, kind):
            await submit(writer, DirectCommand(delete_all))
        return await submit(writer, command)

    monkeypatch.setattr(Writer, "submit", after_deletion)


def test_a_client_that_is_deleted_while_it_signs_in_gets_no_token(open_context: OpenContext) -> None:
    async def play() -> None:
        async with open_context() as context:
            key, secret = await create_client(context, "client", "its-first-secret")
            client, _ = await verify_client(context, key, secret, "")
            assert client is not None
            await delete_client(context, key)
            assert await issue_bearer(context, client, secret) is None
            await create_client(context, "client", "another-secret")
            assert await issue_bearer(context, client, secret) is None

    asyncio.run(play())


def test_a_name_that_another_server_took_meanwhile_is_a_conflict(open_context: OpenContext) -> None:
    """The other server committed after this one had looked, so that the row can be read at the second try only."""
    looked: list[int] = []

    def create(connection: Connection, now_ms: int) -> None:
        looked.append(now_ms)
        if len(looked) > 1 and read_client(connection, "client") is not None:
            raise Conflict("client exists already")
        record_client(connection, "client", "hash", now_ms)

    async def play() -> None:
        async with open_context() as context:
            await create_client(context, "client", "its-first-secret")
            with pytest.raises(Conflict):
                await context.writer.submit(DirectCommand(create))
            assert len(looked) == 2

    asyncio.run(play())
