"""The numbers of a database that metrics show."""

from __future__ import annotations

from contextlib import closing

from fotapool.domain.callbacks import DeliveryState
from fotapool.domain.campaigns.campaigns import CampaignStatus
from fotapool.domain.names import PurchaseType
from fotapool.store import monitoring
from fotapool.store.accounts.accounts import record_account
from fotapool.store.db.connection import Connection
from fotapool.store.db.factory import open_database
from fotapool.store.db.schema import prepare
from fotapool.store.monitoring import Licenses, read_store_numbers


def add_delivery(connection: Connection, account_id: int, state: DeliveryState, created_ms: int, due: bool) -> None:
    waits = state is DeliveryState.WAITING
    connection.insert(
        "delivery",
        "account_id, style, event, body, state, attempts, created_ms, due_ms, ended_ms",
        [
            (account_id, "v3", "{}", b"", int(state), 0, created_ms, created_ms if due else None, None if waits else 9),
        ],
    )


def add_campaign(connection: Connection, account_id: int, status: CampaignStatus, due_ms: int | None) -> None:
    ended_ms = None if status in (CampaignStatus.QUEUED, CampaignStatus.SCHEDULED) else 9
    connection.insert(
        "campaign",
        "uuid, account_id, flow, package_id, name, start_date, end_date, start_ms, end_ms, windows, auto_assign,"
        " auto_add, status, devices, created_ms, updated_ms, ended_ms, due_ms, leased_until_ms",
        [
            (
                f"{status.name}-{due_ms}",
                account_id,
                3,
                1,
                "a",
                "2026-03-10",
                "2026-03-11",
                1,
                2,
                "",
                0,
                0,
                int(status),
                1,
                1,
                1,
                ended_ms,
                due_ms,
                0,
            )
        ],
    )


def test_the_numbers_are_those_of_the_rows(database_url: str) -> None:
    with closing(open_database(database_url, durable=False).connect()) as connection:
        prepare(connection)
        empty = read_store_numbers(connection, 5)
        assert (empty.accounts, empty.licenses) == (0, Licenses(0, 0, 0, 0))
        assert (empty.campaigns_running, empty.callbacks_waiting) == (0, 0)
        assert (empty.oldest_callback_ms, empty.oldest_job_ms, list(empty.of_accounts)) == (None, None, [])
        connection.begin()
        one, two = (
            record_account(connection, name=name, purchase_type=PurchaseType.MRC, total=total, now_ms=1)
            for name, total in (("one", 10), ("two", 4))
        )
        connection.execute("UPDATE license_pool SET used = 5, notice = 1 WHERE account_id = :id", {"id": two})
        for status, due_ms in (
            (CampaignStatus.QUEUED, 700),
            (CampaignStatus.SCHEDULED, 600),
            (CampaignStatus.ENDED, None),
            (CampaignStatus.CANCELED, 900),
        ):
            add_campaign(connection, one, status, due_ms)
        add_delivery(connection, one, DeliveryState.WAITING, created_ms=80, due=True)
        add_delivery(connection, one, DeliveryState.WAITING, created_ms=90, due=False)
        add_delivery(connection, two, DeliveryState.FAILED, created_ms=10, due=False)
        connection.commit()
        numbers = read_store_numbers(connection, 1)
        assert (numbers.accounts, numbers.licenses) == (2, Licenses(total=14, used=5, free=10, under_notice=1))
        assert (numbers.campaigns_running, numbers.oldest_job_ms) == (2, 600)
        assert (numbers.callbacks_waiting, numbers.oldest_callback_ms) == (2, 80)
        assert list(numbers.of_accounts) == [("two", Licenses(total=4, used=5, free=0, under_notice=1))]
        assert list(read_store_numbers(connection, 0).of_accounts) == []


def test_waiting_callbacks_are_counted_up_to_a_limit(database_url: str) -> None:
    assert f"LIMIT {monitoring.MAX_WAITING_COUNTED}" in monitoring._WAITING
    with closing(open_database(database_url, durable=False).connect()) as connection:
        prepare(connection)
        connection.begin()
        account = record_account(connection, name="one", purchase_type=PurchaseType.MRC, total=1, now_ms=1)
        for number in range(3):
            add_delivery(connection, account, DeliveryState.WAITING, created_ms=number, due=number == 0)
        connection.commit()
        shown = connection.fetch(monitoring._WAITING.replace(str(monitoring.MAX_WAITING_COUNTED), "2"))
        assert shown[0][0] == 2
