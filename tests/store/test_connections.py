"""The calls of a connection that differ between the databases do the same on both."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from fotapool.domain.licenses.licenses import Pool
from fotapool.domain.names import PurchaseType
from fotapool.store.accounts.accounts import record_account, record_pools
from fotapool.store.db.connection import Connection, ConstraintViolated

DEVICE = "account_id, imei, make, model, firmware, protocol, mdn, status, created_ms, updated_ms"
LICENSE = "account_id, imei, assigned_ms, place, state, notice_until_ms, notice_place"


def licenses(connection: Connection) -> list[tuple[object, ...]]:
    return connection.fetch(f"SELECT {LICENSE} FROM license ORDER BY account_id, imei")


def insert_licenses(connection: Connection, *keys: tuple[int, int]) -> None:
    connection.insert("license", LICENSE, ((*key, 5, place, 0, None, None) for place, key in enumerate(keys)))


def test_rows_are_inserted_at_once_whatever_is_in_them(connection: Connection) -> None:
    insert_licenses(connection)
    rows = [(1, 10**15 - 1, 0, 1, 0, None, None), (1, 2, 2**62, 2, 2, 77, 3), (2, 2, 5, 3, 0, None, None)]
    connection.insert("license", LICENSE, rows)
    assert licenses(connection) == sorted(rows)
    texts = [(1, 7, "", "ä 'q\" \\ {},NULL", "%s :name", "HTTP", "\U0001f600", "Active", 1, 1)]
    connection.insert("device", DEVICE, texts)
    assert connection.fetch(f"SELECT {DEVICE} FROM device") == texts
    tokens = [(bytes(range(256)), "key", b"", 1, 0, ""), (b"\x00", "NULL", b"{}", 2, 1, "::1")]
    names = "token_hash, client_key, nonce, issued_ms, revoked, address"
    connection.insert("bearer_token", names, tokens)
    assert connection.fetch(f"SELECT {names} FROM bearer_token ORDER BY issued_ms") == tokens


def test_a_column_that_is_empty_in_the_first_rows_keeps_the_others_values(connection: Connection) -> None:
    rows = [(1, 1, 5, 1, 0, None, None), (1, 2, 5, 2, 2, 9, 4)]
    connection.insert("license", LICENSE, rows)
    assert licenses(connection) == rows


def test_an_insert_can_update_what_is_there(connection: Connection) -> None:
    connection.insert("device", DEVICE, [(1, 7, "a", "", "", "", "", "Active", 1, 1)])
    update = "ON CONFLICT (account_id, imei) DO UPDATE SET make = excluded.make"
    connection.insert(
        "device",
        DEVICE,
        [(1, 7, "b", "", "", "", "", "Active", 2, 2), (1, 8, "c", "", "", "", "", "Active", 2, 2)],
        update,
    )
    assert connection.fetch("SELECT imei, make, created_ms FROM device ORDER BY imei") == [(7, "b", 1), (8, "c", 2)]


def test_keys_are_deleted_and_updated_in_their_account_only(connection: Connection) -> None:
    insert_licenses(connection, (1, 1), (1, 2), (2, 1), (2, 2), (2, 3))
    connection.delete_keys("license", [])
    connection.update_keys("license", "state = 1", [], {})
    connection.update_keys("license", "state = state + :flag", [(1, 2), (2, 3), (9, 9)], {"flag": 1})
    connection.update_keys("license", "state = :state", [(1, 2), (2, 2)], {"state": 1}, where="place = 3")
    connection.delete_keys("license", [(1, 1), (2, 3), (9, 9)], where="state = 0")
    assert [(*row[:2], row[4]) for row in licenses(connection)] == [(1, 2, 1), (2, 1, 0), (2, 2, 1), (2, 3, 1)]


def test_many_keys_and_none_are_looked_up_by_one_statement(connection: Connection) -> None:
    insert_licenses(connection, *((1, number) for number in range(0, 20_000, 2)))
    sql = (
        "SELECT k.account_id, k.imei, (SELECT l.place FROM license l WHERE l.account_id = k.account_id"
        " AND l.imei = k.imei), :word FROM {keys} k ORDER BY k.imei"
    )
    found = connection.fetch_keys(sql, [(1, number) for number in range(20_000)], {"word": "x"})
    assert found == [(1, number, None if number % 2 else number // 2, "x") for number in range(20_000)]
    assert connection.fetch_keys(sql, [], {"word": "x"}) == []


def test_rows_can_be_a_table_of_a_query(connection: Connection) -> None:
    rows = [(0, b"\x00\xff", "é'", 10**15), (1, b"", "", 0)]
    assert connection.fetch_rows("SELECT n, a, b, c FROM {rows} k ORDER BY n", "n,a,b,c", rows) == rows


def test_a_table_of_a_query_can_have_many_rows(connection: Connection) -> None:
    rows = [(n, "é'\"" if n % 2 else None, 10**15 + n) for n in range(40_000)]
    assert connection.fetch_rows("SELECT n, a, b FROM {rows} k ORDER BY n", "n,a,b", rows) == rows


def test_the_pools_come_in_order_of_their_ids_and_unknown_ones_not_at_all(connection: Connection) -> None:
    ids = [
        record_account(connection, name=f"account-{number}", purchase_type=PurchaseType.MRC, total=number, now_ms=1)
        for number in range(3)
    ]
    assert connection.lock_pools([])[1] == []
    pools = [Pool(*row) for row in connection.lock_pools([ids[2], 999, ids[0]])[1]]
    assert [(pool.account_id, pool.total) for pool in pools] == [(ids[0], 0), (ids[2], 2)]


def test_a_constraint_that_fires_leaves_a_connection_that_works(connection: Connection) -> None:
    account_id = record_account(connection, name="account", purchase_type=PurchaseType.MRC, total=1, now_ms=1)
    pool = Pool(*connection.lock_pools([account_id])[1][0])
    pool.used = 2
    connection.begin()
    insert_licenses(connection, (account_id, 1))
    with pytest.raises(ConstraintViolated):
        record_pools(connection, [pool], 1)
    connection.rollback()
    connection.rollback()  # nothing to do, nothing said
    assert licenses(connection) == []
    connection.begin()
    with pytest.raises(ConstraintViolated):
        insert_licenses(connection, (1, 1), (1, 1))
    connection.rollback()
    insert_licenses(connection, (1, 1))
    assert len(licenses(connection)) == 1


def test_reads_together_see_one_state_and_so_does_a_snapshot(connect: Callable[[], Connection]) -> None:
    reader, writer = connect(), connect()
    count = ("SELECT count(*) FROM license", {})
    reader.begin_snapshot()
    assert reader.fetch(*count) == [(0,)]
    insert_licenses(writer, (1, 1))
    assert reader.fetch(*count) == [(0,)]
    reader.rollback()
    assert reader.fetch_together([count, count]) == [[(1,)], [(1,)]]
    insert_licenses(writer, (1, 2))
    assert reader.fetch_together([count]) == [[(2,)]]


def test_what_is_rolled_back_was_never_there(connect: Callable[[], Connection]) -> None:
    one, other = connect(), connect()
    one.begin()
    insert_licenses(one, (1, 1))
    assert licenses(other) == []
    one.rollback()
    one.begin()
    insert_licenses(one, (1, 2))
    one.commit()
    assert [row[1] for row in licenses(other)] == [2]
    one.maintain()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_large_tables_have_statistics_of_their_size_and_small_ones_none(connection: Connection) -> None:
    def rows_of_statistics() -> list[int]:
        sql = "SELECT stat FROM sqlite_stat1 WHERE tbl = 'pool_level' AND idx = 'pool_level'"
        return [int(stat.split()[0]) for (stat,) in connection.fetch(sql)]

    columns = "account_id, at_ms, used, notice, entries"
    connection.insert("pool_level", columns, [(1, number, 0, 0, 0) for number in range(2)])
    connection.maintain()
    assert rows_of_statistics() == []
    for end in (3_000, 60_000):
        connection.insert("pool_level", columns, [(2, end + number, 0, 0, 0) for number in range(end)])
        connection.maintain()
        (rows,) = rows_of_statistics()
        assert end / 2 < rows < end * 2
