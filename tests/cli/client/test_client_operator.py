"""The commands of the operator plane, and of the emulator."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fotapool.core.settings import SettingInEffect, SettingSource
from support.helpers import ACCOUNT, OTHER, Api, device, devices
from support.processes import wait_until


def test_accounts_are_made_listed_shown_and_suspended(cli: Any) -> None:
    assert cli.one("accounts", "create", "new-1", "--licenses", "7")["licenseCount"] == 7
    assert [row["name"] for row in cli.rows("accounts", "list")] == [ACCOUNT, OTHER, "new-1"]
    cli("accounts", "suspend", "new-1")
    assert cli.one("accounts", "show", "new-1")["status"] == "suspended"
    assert "new-1 is active" in cli("accounts", "activate", "new-1").stdout
    table = cli("accounts", "list").stdout.splitlines()
    assert table[0].split()[:2] == ["ACCOUNT", "STATUS"]
    assert table[1].split() == [ACCOUNT, "active", "TS-HFOTA-MRC", "5", "0", "5", "0", "0"]
    assert cli.one("accounts", "audit", ACCOUNT)["consistent"]
    assert "account nobody does not exist" in cli("accounts", "show", "nobody", code=4).stderr


def test_a_reduction_is_shown_confirmed_by_the_accounts_name_and_done_as_shown(api: Api, cli: Any) -> None:
    api.assign(0, 1, 2, 3)
    api.candidates(2)
    change = ("subscription", "change", ACCOUNT, "--licenses", "2")
    expected = cli.one(*change, "--preview")
    assert expected["reclaimed"] == devices(2, 0)
    for answer in ("", "yes\n", f"{OTHER}\n"):
        assert "nothing was changed" in cli(*change, given=answer, code=5).stderr
    assert cli.one("subscription", "show", ACCOUNT)["licenseCount"] == 5
    result = cli(*change, given=f"{ACCOUNT}\n")
    assert "1 reclaimed: subscription reduced; the device was on the cancellation candidate list" in result.stderr
    assert f"{ACCOUNT} has 2 licenses now: 2 devices lost their license" in result.stdout
    assert api.licensed() == devices(1, 3)
    assert cli.one("subscription", "change", ACCOUNT, "--licenses", "1", "--yes")["reclaimed"] == devices(1)
    assert "nothing to change" in cli("subscription", "change", ACCOUNT, code=2).stderr
    raised = cli("subscription", "change", ACCOUNT, "--licenses", "8", given="")
    assert f"{ACCOUNT} has 8 licenses now: no device lost its license" in raised.stdout


def test_devices_are_imported_and_bad_lines_told(api: Api, cli: Any, tmp_path: Path) -> None:
    path = tmp_path / "devices.csv"
    path.write_text("deviceId,make,licensed\n350000000000006,X,true\n99,Y,\n")
    result = cli("devices", "import", ACCOUNT, str(path), code=1)
    assert "1 of 2 devices imported, 1 with a license; 1 failed" in result.stdout
    assert "line 3: 99" in result.stderr
    given = '{"deviceId": "350000000000014"}\n'
    assert cli.one("devices", "import", ACCOUNT, "-", "--format", "ndjson", given=given)["kept"] == 1
    assert {"350000000000006", "350000000000014"} < {row["deviceId"] for row in cli.rows("devices", "list", ACCOUNT)}
    assert "--format" in cli("devices", "import", ACCOUNT, "-", given="", code=2).stderr
    assert api.licensed() == ["350000000000006"]


def test_a_device_is_shown_with_its_timeline(api: Api, cli: Any) -> None:
    api.call("POST", f"/v3/licenses/{ACCOUNT}/assign", {"deviceList": devices(0)}, headers={"X-Request-Id": "mine"})
    shown = cli("devices", "show", ACCOUNT, device(0)).stdout
    assert shown.startswith(f"deviceId        {device(0)}\n")
    assert re.search(r"^2026-03-10T12:00:00.000Z +licensed: as requested +zbeeblebrox +mine$", shown, re.MULTILINE)
    assert cli.one("devices", "show", ACCOUNT, device(0))["timeline"][0]["requestId"] == "mine"
    assert "must be 15 digits" in cli("devices", "show", ACCOUNT, "12", code=4).stderr


def test_the_ledger_is_a_table_json_and_csv(api: Api, cli: Any) -> None:
    api.assign(0, 1)
    api.remove(1)
    assert [row["what"] for row in cli.rows("ledger", ACCOUNT, "--device", device(1))] == ["removed", "assigned"]
    rows = list(csv.DictReader(io.StringIO(cli("ledger", ACCOUNT, "--csv", "--after", "1").stdout)))
    assert [(row["number"], row["deviceId"], row["usedAfter"]) for row in rows] == [
        ("2", device(1), "2"),
        ("3", device(1), "1"),
    ]
    assert "0 -> 1" in cli("ledger", ACCOUNT).stdout
    request = cli.rows("ledger", ACCOUNT)[0]["requestId"]
    assert [row["number"] for row in cli.rows("ledger", ACCOUNT, "--request", request)] == [3]
    assert cli.rows("ledger", ACCOUNT, "--until", "2026-03-10") == []
    assert len(cli.rows("ledger", ACCOUNT, "--since", "2026-03-10T12:00:00Z", "--limit", "2")) == 2
    assert "Nothing matches." in cli("ledger", ACCOUNT, "--since", "2026-03-11").stderr
    assert "must be a date" in cli("ledger", ACCOUNT, "--since", "soon", code=2).stderr
    assert "cannot be combined" in cli("ledger", ACCOUNT, "--after", "1", "--request", "x", code=2).stderr


def test_statements_are_listed_shown_and_exported(cli: Any) -> None:
    assert [row["month"] for row in cli.rows("statements", "list", ACCOUNT)] == ["2026-03"]
    assert cli.one("statements", "show", ACCOUNT, "2026-03")["totals"]["licenses"] == 5
    rows = list(csv.DictReader(io.StringIO(cli("statements", "show", ACCOUNT, "2026-03", "--csv").stdout)))
    assert (rows[0]["account"], rows[0]["month"]) == (ACCOUNT, "2026-03")
    assert (rows[0]["kind"], rows[0]["quantity"]) == ("license", "5")
    assert "licenses under notice  0" in cli("statements", "show", ACCOUNT, "2026-03").stdout
    cli("statements", "show", ACCOUNT, "march", code=4)
    exported = cli("statements", "export", "--from", "2026-03", "--to", "2026-03").stdout
    assert exported.splitlines()[1] == f"{ACCOUNT},2026-03,false,TS-HFOTA-MRC,5,0,0"
    assert json.loads(cli("statements", "export", "--format", "ndjson").stdout.splitlines()[0])["licenses"] == 5
    cli("statements", "export", "--from", "2026-04", "--to", "2026-03", code=4)


def test_a_file_of_the_carrier_is_compared(api: Api, cli: Any, tmp_path: Path) -> None:
    api.assign(0, 1)
    file = tmp_path / "carrier.csv"
    file.write_text(f"imei\n{device(0)}\n{device(9)}\n")
    result = cli("reconcile", str(file), "--account", ACCOUNT, code=1)
    assert "1 devices are licensed only here, 1 only at the carrier" in result.stdout
    assert device(9) in result.stdout
    assert cli.one("reconcile", str(file), "--account", ACCOUNT, code=1)["onlyHere"] == 1
    rows = list(csv.DictReader(io.StringIO(cli("reconcile", str(file), "--account", ACCOUNT, "--csv", code=1).stdout)))
    assert [row["deviceId"] for row in rows] == [device(1), device(9)]
    page = api.call("GET", f"/v2/licenses/{ACCOUNT}").text
    assert "0 of 1 accounts differ" in cli("reconcile", "-", given=page).stdout
    assert "the first line is" in cli("reconcile", str(file), code=4).stderr
    assert "cannot be read" in cli("reconcile", str(tmp_path / "nothing.csv"), code=2).stderr


def test_deliveries_are_listed_shown_and_sent_again(api: Api, cli: Any) -> None:
    assert "Listeners are registered with the documented API" in cli("deliveries", "list").stderr
    assert "Nothing matches." in cli("deliveries", "list", "--state", "failed").stderr
    assert api.call("POST", f"/v3/callbacks/{ACCOUNT}", {"url": "http://127.0.0.1:9/nobody"}).status_code == 200
    package = {"firmwareName": "P", "make": "Verizon", "model": "Model-A", "fromVersion": "1", "toVersion": "2"}
    assert api.control("POST", "/firmware", package).status_code == 201
    body = {"firmwareName": "P", "startDate": "2026-03-11", "endDate": "2026-03-12", "deviceList": devices(0)}
    assert api.call("POST", f"/v3/campaigns/firmware/{ACCOUNT}", body).status_code == 200
    cli("clock", "advance", "P9D")
    failed = cli.rows("deliveries", "list", "--account", ACCOUNT, "--state", "failed")
    assert failed
    number = str(failed[0]["id"])
    shown = cli.one("deliveries", "show", number)
    assert shown["delivery"]["account"] == ACCOUNT
    assert shown["attempts"]
    assert cli.rows("deliveries", "redeliver", number)[0]["state"] == "waiting"
    assert "ACCOUNT" in cli("deliveries", "list").stdout
    ids = [row["id"] for row in cli.rows("deliveries", "list")]
    assert ids == sorted(ids, reverse=True)
    assert len(ids) > 1
    assert cli.rows("deliveries", "list", "--until", "2026-03-10") == []
    assert [row["id"] for row in cli.rows("deliveries", "list", "--since", "2026-03-10")] == ids
    assert ACCOUNT in cli("deliveries", "show", number).stdout
    assert [row["status"] for row in cli.rows("deliveries", "listeners", "--status", "failing")] == ["failing"]
    wait_until(lambda: cli.one("deliveries", "show", number)["delivery"]["attempts"] == 1, "redelivered once")
    assert "are tried now" in cli("deliveries", "retry", ACCOUNT, "v3").stdout
    cli("clock", "advance", "P1D")
    again = cli.one("deliveries", "redeliver-failed", "--account", ACCOUNT, "--listener", "v3")
    assert again == {"redelivered": len(failed), "withoutListener": 0}
    assert cli("deliveries", "redeliver-failed", "--until", "2026-03-01T00:00:00Z").stdout.startswith("0 failed")


def test_users_clients_and_operators_come_and_go(cli: Any) -> None:
    made = cli.one("users", "create", "joe", "--account", ACCOUNT)
    assert made["password"]
    given = cli("users", "create", "jane", "--password-stdin", "--json", given="open sesame\n")
    assert "open sesame" not in given.output
    assert [row["username"] for row in cli.rows("users", "list")] == ["jane", "joe", "zbeeblebrox"]
    cli("users", "unlock", "joe")
    assert cli.one("clients", "create", "--key", "k1")["secret"]
    assert cli.one("operators", "create", "night")["key"]
    for kind, name, member in (("users", "joe", "username"), ("clients", "k1", "key"), ("operators", "night", "name")):
        assert name in cli(kind, "list").stdout
        cli(kind, "delete", name, given="no\n", code=5)
        cli(kind, "delete", name, "--yes")
        assert name not in [row[member] for row in cli.rows(kind, "list")]


def test_a_user_gets_other_accounts_and_another_password(cli: Any) -> None:
    cli.one("users", "create", "joe", "--account", ACCOUNT)
    assert cli.one("users", "change", "joe", "--add", OTHER)["accounts"] == [ACCOUNT, OTHER]
    assert cli.one("users", "change", "joe", "--remove", ACCOUNT)["accounts"] == [OTHER]
    assert cli.one("users", "change", "joe", "--account", ACCOUNT)["accounts"] == [ACCOUNT]
    assert "nothing to change" in cli("users", "change", "joe", code=4).stderr
    assert cli.one("users", "show", "joe") == {"username": "joe", "accounts": [ACCOUNT], "locked": False}
    assert cli.one("users", "set-password", "joe")["password"]
    given = cli("users", "set-password", "joe", "--password-stdin", "--json", given="open sesame\n")
    assert "open sesame" not in given.output


def test_keys_are_replaced_and_the_start_key_retired(cli: Any) -> None:
    own = cli.one("operators", "create", "night")["key"]
    new = cli.one("operators", "rotate", "night", "--overlap", "PT1H")
    assert (new["key"] == own, new["oldKeyExpireTime"]) == (False, "2026-03-10T13:00:00.000Z")
    assert cli.rows("operators", "list")[0]["oldKey"]["prefix"] == own[:6]
    assert new["key"][:6] in cli("operators", "list").stdout
    assert cli.one("device-keys", "create", ACCOUNT, "one", "--device", device(0))["key"]
    assert cli.one("device-keys", "rotate", ACCOUNT, "one", "--overlap", "PT0S")["oldKeyExpireTime"] is None
    assert "one" in cli("device-keys", "list", ACCOUNT).stdout
    cli("device-keys", "delete", ACCOUNT, "one", "--yes")
    assert cli.rows("device-keys", "list", ACCOUNT) == []
    assert cli.one("clients", "rotate", "demo-key", "--overlap", "PT0S")["oldSecretExpireTime"] is None
    assert cli.one("operators", "start-key")["state"] == "valid"
    cli("operators", "retire-start-key", given="no\n", code=5)
    cli("operators", "retire-start-key", "--yes")
    cli("operators", "list", code=4)
    assert cli.one("operators", "start-key", FOTAPOOL_OPERATOR_KEY=own)["state"] == "retired"
    last = cli("operators", "delete", "night", "--yes", code=4, FOTAPOOL_OPERATOR_KEY=own)
    assert "night is the last operator with the role admin" in last.stderr


def test_sessions_are_listed_and_ended(api: Api, cli: Any) -> None:
    api.log_in()
    first, second = cli.rows("sessions", "list")
    assert first["name"] == second["name"] == "zbeeblebrox"
    assert first["id"] in cli("sessions", "list", "--kind", "user", "--name", "zbeeblebrox").stdout
    cli("sessions", "end", first["id"])
    cli("sessions", "end", first["id"], code=4)
    assert "1 sessions of zbeeblebrox have ended" in cli("sessions", "end-all", "zbeeblebrox").stdout
    assert cli.rows("sessions", "list") == []
    assert len(cli.rows("sessions", "list", "--kind", "client")) == 1


def test_old_data_is_counted_and_purged(cli: Any) -> None:
    rows = {row["kind"]: row for row in cli.rows("retention", "list")}
    assert (rows["auditLog"]["days"], rows["upgrades"]["before"]) == (365, None)
    assert "checkIns" in cli("retention", "list").stdout
    cli("retention", "purge", given="no\n", code=5)
    purged = cli.rows("retention", "purge", "--kind", "checkIns", "--yes")
    assert purged == [{"kind": "checkIns", "deleted": 0, "complete": True}]
    assert len(cli.rows("retention", "purge", "--yes")) == 4


def test_the_state_of_the_server_is_shown(start: Callable[..., Api], cli_of: Callable[[Api], Any]) -> None:
    setting = SettingInEffect(
        option="--drain-s",
        variable="FOTAPOOL_DRAIN_S",
        value="0",
        unit="s",
        default="0",
        source=SettingSource.DEFAULT,
        description="Seconds.",
    )
    cli = cli_of(start(in_effect=(setting,)))
    found = cli.one("system")
    assert (found["status"], found["stored"]["jobsDue"], len(found["settings"])) == ("ready", 0, 1)
    lines = cli("system").stdout.splitlines()
    assert any(line.split() == ["status", "ready"] for line in lines)
    assert lines[-1].split() == ["--drain-s", "0", "s", "0", "default", "Seconds."]
    assert "--drain-s" not in cli("system", "--changed").stdout


def test_an_operator_who_may_only_look_is_told_so(cli: Any) -> None:
    key = cli.one("operators", "create", "guest", "--role", "viewer")["key"]
    cli("accounts", "list", FOTAPOOL_OPERATOR_KEY=key)
    refused = cli("accounts", "create", "new-2", code=4, FOTAPOOL_OPERATOR_KEY=key)
    assert "needs the role" in refused.stderr


def test_the_clock_is_moved_and_tells_what_happened(api: Api, cli: Any) -> None:
    api.assign(0)
    assert cli.one("clock", "show")["now"].startswith("2026-03-10T12:00")
    assert "it is 2026-03-10T12:20:00" in cli("clock", "advance", "PT20M").stdout
    assert cli.one("clock", "to", "2026-04-01T00:00:00Z")["now"].startswith("2026-04-01T00:00")
    cli("clock", "next")
    assert "returned 400" in cli("clock", "advance", "tomorrow", code=4).stderr


def test_faults_and_requests_of_the_emulator(cli: Any) -> None:
    rule = '{"match": {"path": "/fota", "nth": 1}, "action": {"status": 418}}'
    assert cli.one("faults", "add", rule)["id"] == 1
    added = cli.one(
        "faults",
        "add",
        "--account",
        ACCOUNT,
        "--device",
        device(1),
        "--probability",
        "0.5",
        "--status",
        "429",
        "--retry-after",
        "2",
        "--latency-ms",
        "1",
    )
    assert added["match"] == {"account": ACCOUNT, "deviceId": device(1), "probability": 0.5}
    assert added["action"] == {"status": 429, "headers": {"Retry-After": "2"}, "latencyMs": 1}
    assert "no effect given" in cli("faults", "add", "--path", "/x", code=2).stderr
    assert "is not valid JSON" in cli("faults", "add", "{", code=2).stderr
    cli("faults", "remove", "2")
    assert [row["id"] for row in cli.rows("faults", "list")] == [1]
    cli("licenses", "show", ACCOUNT, code=4)
    row = cli.rows("requests", "list", "--status", "418")[0]
    assert "418" in cli("requests", "list").stdout
    assert cli.one("requests", "show", str(row["number"]))["status"] == 418
    assert cli("requests", "show", str(row["number"]), "--as", "curl").stdout.startswith("#")
    cli("requests", "clear")
    cli("faults", "clear")
    assert "No faults" in cli("faults", "list").stderr


def test_snapshots_are_saved_for_nobody_else_and_put_back(api: Api, cli: Any, tmp_path: Path) -> None:
    api.assign(0)
    path = tmp_path / "before.json"
    cli("snapshot", "save", str(path))
    assert os.name != "posix" or stat.S_IMODE(path.stat().st_mode) == 0o600
    cli("accounts", "copy", ACCOUNT, "copy-1")
    assert cli.one("accounts", "show", "copy-1")["licenseUsedCount"] == 1
    cli("snapshot", "restore", str(path), given="no\n", code=5)
    cli("snapshot", "restore", str(path), "--yes")
    assert [row["name"] for row in cli.rows("accounts", "list")] == [ACCOUNT, OTHER]


def test_what_only_the_emulator_has_is_said_to_be_so(
    start: Callable[..., Api], cli_of: Callable[[Api], Any], tmp_path: Path
) -> None:
    served = cli_of(start(emulator=False))
    for words in (("clock", "show"), ("faults", "list"), ("snapshot", "save", str(tmp_path / "x"))):
        assert "`fotapool serve` does not" in served(*words, code=4).stderr


def test_anything_is_found_over_all_accounts(api: Api, cli: Any) -> None:
    table = cli("find", f"{device(2)[:2]}-{device(2)[2:]}").stdout.splitlines()
    assert table[0].split() == ["KIND", "FOUND", "DETAIL", "ACCOUNT"]
    assert table[1].split() == ["device", device(2), ACCOUNT]
    assert [row["label"] for row in cli.rows("find", "0")] == [ACCOUNT, OTHER]
    assert "Nothing found for nothing." in cli("find", "nothing").stderr
    for number in range(21):
        api.control("POST", "/accounts", {"name": f"wide-{number}"})
    assert "more results of the kinds account" in cli("find", "wide").stderr
    assert "printable" in cli("find", " ", code=4).stderr


def test_a_reduction_is_undone_by_the_number_of_its_change(api: Api, cli: Any) -> None:
    api.assign(0, 1)
    api.subscribe(0)
    change = str(cli.rows("ledger", ACCOUNT)[0]["change"])
    assert "0 are free" in cli("subscription", "undo", ACCOUNT, change, code=4).stderr
    api.subscribe(2)
    done = cli("subscription", "undo", ACCOUNT, change)
    assert f"change {change} is undone by change" in done.stdout
    assert "2 licenses are used" in done.stdout
    assert api.licensed() == devices(0, 1)


def test_a_change_of_the_subscription_is_scheduled_edited_listed_shown_and_canceled(api: Api, cli: Any) -> None:
    api.assign(0, 1, 2)
    schedule = ("subscription", "schedule", ACCOUNT, "--licenses", "1", "--at", "nextBillingMonth")
    for answer in ("", "yes\n"):
        assert "nothing was changed" in cli(*schedule, given=answer, code=5).stderr
    assert "No scheduled changes" in cli("subscription", "scheduled").stderr
    result = cli(*schedule, given=f"{ACCOUNT}\n")
    assert "If it were carried out now:" in result.stderr
    assert "2 reclaimed: subscription reduced; first assigned, first out" in result.stderr
    assert result.stdout.endswith("is due at 2026-04-01T00:00:00.000Z\n")
    other = cli.one(
        "subscription", "schedule", OTHER, "--purchase-type", "TS-HFOTA-EVNT", "--at", "2026-05-01", "--yes"
    )
    assert [row["account"] for row in cli.rows("subscription", "scheduled")] == [ACCOUNT, OTHER]
    (row,) = cli.rows("subscription", "scheduled", ACCOUNT, "--state", "scheduled")
    number = str(row["id"])
    assert re.search(r"^due +2026-04-01T00:00:00", cli("subscription", "show-scheduled", ACCOUNT, number).stdout, re.M)
    shown = cli("subscription", "show-scheduled", ACCOUNT, number, "--preview").stdout
    assert shown.startswith(f"{ACCOUNT}: 5 licenses, 3 used -> 1 licenses; 2 devices lose theirs\n")
    reschedule = ("subscription", "reschedule", ACCOUNT, number, "--at", "2026-04-02T00:00:00Z")
    assert "2 devices lose theirs" in cli(*reschedule, given="no\n", code=5).stderr
    assert "is due at 2026-04-02T00:00:00.000Z" in cli(*reschedule, "--yes").stdout
    assert "is canceled" in cli("subscription", "unschedule", OTHER, str(other["id"])).stdout
    api.advance("P30D")
    assert cli.one("subscription", "show-scheduled", ACCOUNT, number)["state"] == "done"
    assert "it cannot be edited or canceled" in cli("subscription", "unschedule", ACCOUNT, number, code=4).stderr
    assert "nothing to edit" in cli("subscription", "reschedule", ACCOUNT, number, code=2).stderr
    assert "nothing to change" in cli(*schedule[:3], "--at", "2026-12-01", code=2).stderr
