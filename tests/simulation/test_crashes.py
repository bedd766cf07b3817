"""A server is killed under load, again and again: what it answered is there, the rest is there whole or not at all."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from processes import Connections, Process

from support.helpers import Api
from support.ledgers import Request, assert_ledger_adds_up, client_of, imei, license_request, successes, write_seed

CRASHES = 2
CLIENTS = 12
OWN = 200
"""Each connection changes devices of its own, so that it is known what each request would do."""
A_REQUEST = 60
ROOMY, TIGHT = "account-0", "account-1"
LICENSES = {ROOMY: CLIENTS * OWN, TIGHT: 400}


class History:
    """What the clients asked for, and what they know came of it."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self.licensed: dict[str, set[str]] = {ROOMY: set(), TIGHT: set()}
        self.asked: dict[str, Request] = {}
        self.answered: dict[str, list[str]] = {}

    def requests(self) -> dict[str, Request]:
        """One for each connection, by the request's name."""
        made: dict[str, Request] = {}
        for client in range(CLIENTS):
            account = ROOMY if client % 3 else TIGHT
            own = [imei(account, client * OWN + number) for number in range(OWN)]
            verb = self._chance.choice(("assign", "assign", "remove"))
            fit = [device for device in own if (device in self.licensed[account]) == (verb == "remove")]
            chosen = self._chance.sample(fit, min(A_REQUEST, len(fit))) or own[:1]
            made[f"r{len(self.asked) + len(made)}"] = license_request(verb, 1 + client % 3, account, chosen)
        self.asked |= made
        return made

    def learn(self, name: str, changed: list[str]) -> None:
        _, path, _ = self.asked[name]
        licensed = self.licensed[path.split("/")[5]]
        if path.endswith("assign"):
            licensed |= set(changed)
        else:
            licensed -= set(changed)

    def check_against(self, api: Api, account: str) -> None:
        """Reads from the ledger what became of each request; learns what became of those without an answer."""
        done: dict[str, list[str]] = {}
        used_after: dict[str, int] = {}
        for entry in assert_ledger_adds_up(api, account):
            done.setdefault(entry["requestId"], []).append(entry["deviceId"])
            used_after[entry["requestId"]] = entry["usedAfter"]
        for name, (_, path, body) in self.asked.items():
            if f"/{account}/" not in path:
                continue
            changed = done.pop(name, [])
            if name in self.answered:
                assert changed == self.answered[name], f"{name} was answered otherwise"
            elif changed:
                whole = (
                    body["deviceList"] if used_after[name] < LICENSES[account] else body["deviceList"][: len(changed)]
                )
                assert changed == whole, f"{name} was done in part"
                self.learn(name, changed)
            self.answered[name] = changed
        assert not done, "the ledger has requests that nobody sent"
        assert set(api.licensed(account)) == self.licensed[account]


def run_until_killed(process: Process, signed_in: Api, history: History, chance: random.Random) -> None:
    """Some volleys with all answers; of the last one only some are read before the server is killed."""
    connections = Connections([process.address], CLIENTS, signed_in)
    volleys = chance.randrange(1, 4)
    for volley in range(volleys + 1):
        requests = history.requests()
        read_before_kill = chance.randrange(CLIENTS) if volley == volleys else CLIENTS
        connections.send(list(requests.values()), list(requests))
        for place, name in enumerate(requests):
            if place == read_before_kill:
                process.kill()
            answer = connections.receive(place)
            if answer is None:
                assert volley == volleys, "the server went away by itself"
                continue
            assert answer[0] == 200, answer
            history.answered[name] = successes(answer[1])
            history.learn(name, history.answered[name])
    connections.close()


@pytest.mark.parametrize(
    "workers",
    [
        pytest.param("1", marks=pytest.mark.long_on("postgresql")),
        pytest.param("2", marks=pytest.mark.long_on("sqlite")),
    ],
)
def test_what_was_answered_survives_and_the_rest_is_whole_or_absent(
    database_url: str, tmp_path: Path, workers: str
) -> None:
    chance = random.Random(f"{workers} workers")
    history = History(chance)
    options = ["--seed", write_seed(tmp_path, LICENSES[ROOMY], CLIENTS * OWN), "--workers", workers]
    signed_in: Api | None = None
    for crash in range(CRASHES + 1):
        process = Process(tmp_path, database_url, *options)
        try:
            process.wait_until_ready()
            with client_of(process.address, signed_in) as api:
                signed_in = api  # the tokens survive as well
                if crash == 0:
                    api.subscribe(LICENSES[TIGHT], account=TIGHT)
                for account in (ROOMY, TIGHT):
                    history.check_against(api, account)
                if crash < CRASHES:
                    run_until_killed(process, api, history, chance)
        finally:
            process.kill()
    # How many requests were cut off is up to the machine; what became of each is known now.
    assert set(history.answered) == set(history.asked)
