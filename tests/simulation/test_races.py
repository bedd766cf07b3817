"""Several server processes on one database, many clients at once: licenses are given out once, and all counts agree.

Whatever is not answered 200, and any batch that a server had to run again, fails these tests. That is how a lock that
is missing shows itself: the numbers of the ledger collide before a license is given out twice.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from processes import Connections, Process, serving

from support.helpers import Api
from support.ledgers import (
    Request,
    assert_ledger_adds_up,
    client_of,
    imei,
    license_request,
    subscription_request,
    successes,
    whole_ledger,
    write_seed,
)

CLIENTS = 24
VOLLEYS = 12
DEVICES = 60
LICENSES = 40


@dataclass
class Cluster:
    """Servers on one database, connections to all of them, and a client of each."""

    processes: list[Process]
    connections: Connections
    apis: list[Api]

    def assert_nobody_had_trouble(self) -> None:
        assert not "".join(process.trouble for process in self.processes)


@pytest.fixture(scope="module")
def cluster(empty_database_url: str, directory: Path) -> Iterator[Cluster]:
    """They start together on an empty database: one of them sets it up."""
    options = ["--seed", write_seed(directory, LICENSES, DEVICES)]
    with serving(directory, empty_database_url, options, options, [*options, "--workers", "2"]) as processes:
        addresses = [process.address for process in processes]
        with client_of(addresses[0]) as first, client_of(addresses[1], first) as second:
            connections = Connections(addresses, CLIENTS, first)
            yield Cluster(processes, connections, [first, second])
            connections.close()


def test_as_many_devices_win_as_licenses_are_free(cluster: Cluster) -> None:
    for account in ("account-0", "account-1", "account-2"):
        winners: list[str] = []
        for volley in range(5):
            requests = [
                license_request("assign", 1 + place % 3, account, [imei(account, (volley * CLIENTS + place) % DEVICES)])
                for place in range(CLIENTS)
            ]
            for answer in cluster.connections.exchange(requests):
                winners += successes(answer)
        assert len(winners) == len(set(winners)) == LICENSES
        assert cluster.apis[1].licensed(account) == sorted(winners)
        assert_ledger_adds_up(cluster.apis[0], account)
    cluster.assert_nobody_had_trouble()


def test_of_many_who_ask_for_one_device_one_gets_it_and_one_gives_it_back(cluster: Cluster) -> None:
    account = "account-3"
    for verb, volley in [("assign", 0), ("remove", 0), ("assign", 1), ("remove", 1)] * 3:
        devices = [imei(account, volley)]
        requests = [license_request(verb, 1 + place % 3, account, devices) for place in range(CLIENTS)]
        answers = cluster.connections.exchange(requests)
        assert sum(len(successes(answer)) for answer in answers) == 1
    assert len(assert_ledger_adds_up(cluster.apis[1], account)) == 12
    cluster.assert_nobody_had_trouble()


def test_assigns_and_removes_of_the_same_devices_add_up(cluster: Cluster) -> None:
    chance = random.Random(1)
    accounts = ("account-4", "account-5")
    held: Counter[str] = Counter()
    for _ in range(VOLLEYS):
        requests: list[Request] = []
        for _ in range(CLIENTS):
            account, verb = chance.choice(accounts), chance.choice(("assign", "assign", "remove"))
            devices = [imei(account, number) for number in chance.choices(range(DEVICES), k=chance.choice((1, 3, 20)))]
            requests.append(license_request(verb, chance.choice((1, 2, 3)), account, devices))
        for (_, path, _), answer in zip(requests, cluster.connections.exchange(requests), strict=True):
            held.update({device: 1 if path.endswith("assign") else -1 for device in successes(answer)})
    assert set(held.values()) <= {0, 1}
    for account in accounts:
        own = sorted(device for device, count in held.items() if count and device[:9] == imei(account, 0)[:9])
        assert cluster.apis[0].licensed(account) == own
        assert_ledger_adds_up(cluster.apis[1], account)
    cluster.assert_nobody_had_trouble()


def test_reductions_and_raises_in_between_take_and_leave_what_they_say(cluster: Cluster) -> None:
    chance = random.Random(2)
    account = "account-6"
    running = [imei(account, number) for number in range(4)]
    cluster.connections.exchange([license_request("assign", 3, account, running)])
    cluster.connections.exchange(
        [
            ("PUT", f"/control/v1/accounts/{account}/devices/{device}/upgrade", {"status": "inProgress"})
            for device in running
        ]
    )
    held = Counter(dict.fromkeys(running, 1))
    for _ in range(VOLLEYS):
        requests: list[Request] = []
        for _ in range(CLIENTS):
            devices = [imei(account, number) for number in chance.sample(range(DEVICES), 5)]
            kind = chance.choice(("assign", "assign", "assign", "remove", "subscription", "cancel"))
            if kind == "subscription":
                requests.append(subscription_request(account, chance.randrange(LICENSES)))
            else:
                requests.append(license_request(kind, chance.choice((1, 2)), account, devices))
        for (_, path, _), answer in zip(requests, cluster.connections.exchange(requests), strict=True):
            if path.endswith("subscription"):
                held.subtract(answer["reclaimed"])
                assert set(answer["notice"]) <= set(running)
            elif not path.endswith("cancel"):
                held.update({device: 1 if path.endswith("assign") else -1 for device in successes(answer)})
    assert set(held.values()) <= {0, 1}
    assert cluster.apis[0].licensed(account) == sorted(device for device, count in held.items() if count)
    assert set(running) <= set(cluster.apis[1].licensed(account))
    assert_ledger_adds_up(cluster.apis[0], account)
    cluster.assert_nobody_had_trouble()


def test_a_confirmed_reduction_takes_what_its_preview_showed_or_nothing(cluster: Cluster) -> None:
    chance = random.Random(3)
    account = "account-7"
    held: Counter[str] = Counter()
    for volley in range(VOLLEYS):
        total = chance.randrange(LICENSES)
        shown = cluster.apis[0].subscribe(total, preview=True, account=account)
        requests = [subscription_request(account, total)] * 6
        for _ in range(CLIENTS - len(requests) if volley % 3 else 0):
            devices = [imei(account, number) for number in chance.sample(range(DEVICES), 8)]
            kind = chance.choice(("assign", "remove", "cancel"))
            requests.append(license_request(kind, 2, account, devices))
        chance.shuffle(requests)
        cluster.connections.send(requests, if_match=f'"{shown["mark"]}"')
        done = 0
        for place, (_, path, _) in enumerate(requests):
            answer = cluster.connections.receive(place)
            assert answer is not None
            status, body = answer
            if not path.endswith("subscription"):
                assert status == 200
                if not path.endswith("cancel"):
                    held.update({device: 1 if path.endswith("assign") else -1 for device in successes(body)})
            elif status == 200:
                assert {**body, "preview": True} == shown
                held.subtract(body["reclaimed"])
                done += 1
            else:
                assert status == 412
                assert body["result"]["mark"] != shown["mark"]
        if volley % 3 == 0:
            assert done >= 1
        if shown["need"]:
            assert done <= 1
    assert set(held.values()) <= {0, 1}
    assert cluster.apis[1].licensed(account) == sorted(device for device, count in held.items() if count)
    assert_ledger_adds_up(cluster.apis[0], account)
    cluster.assert_nobody_had_trouble()


def test_a_reduction_is_undone_once_while_others_take_licenses(cluster: Cluster) -> None:
    chance = random.Random(4)
    account = "account-8"
    cluster.connections.exchange(
        [license_request("assign", 3, account, [imei(account, number) for number in range(30)])]
    )
    held: Counter[str] = Counter(cluster.apis[0].licensed(account))
    for volley in range(VOLLEYS):
        taken = cluster.apis[0].subscribe(10, account=account)["reclaimed"]
        held.subtract(taken)
        changes = [entry["change"] for entry in whole_ledger(cluster.apis[0], account) if entry["deviceId"] in taken]
        cluster.apis[1].subscribe(LICENSES, account=account)
        if not taken:  # so many were removed in the volley before
            continue
        undo: Request = ("POST", f"/control/v1/accounts/{account}/ledger/changes/{changes[-1]}/undo", None)
        requests = [undo] * 8
        for _ in range(CLIENTS - len(requests) if volley % 3 else 0):
            devices = [imei(account, number) for number in chance.sample(range(DEVICES), 2)]
            requests.append(license_request(chance.choice(("assign", "remove")), 3, account, devices))
        chance.shuffle(requests)
        cluster.connections.send(requests)
        done = 0
        for place, (_, path, _) in enumerate(requests):
            answer = cluster.connections.receive(place)
            assert answer is not None
            status, body = answer
            if path.endswith("undo"):
                assert status in (200, 409)
                if status == 200:
                    assert sorted(body["restored"]) == sorted(taken)
                    held.update(body["restored"])
                    done += 1
            else:
                assert status == 200
                held.update({device: 1 if path.endswith("assign") else -1 for device in successes(body)})
        assert done == 1 if volley % 3 == 0 else done <= 1
    assert set(held.values()) <= {0, 1}
    assert cluster.apis[1].licensed(account) == sorted(device for device, count in held.items() if count)
    assert_ledger_adds_up(cluster.apis[0], account)
    cluster.assert_nobody_had_trouble()
