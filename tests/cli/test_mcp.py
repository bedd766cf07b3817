"""`fotapool mcp` as a coding assistant has it: a process on standard input and output, and the SDK's own client."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest
from anyio.from_thread import start_blocking_portal
from click.testing import CliRunner

from api.campaigning import CAMPAIGN_SEED, HTTP, LWM2M, TODAY, imeis, schedule
from fotapool.cli.client.http.admin_client import AdminClient
from fotapool.cli.client.http.target import Target
from fotapool.cli.main import main
from fotapool.domain.callbacks import DeliveryState
from fotapool.domain.campaigns.campaigns import CampaignStatus
from fotapool.domain.errors import ErrorCode
from fotapool.domain.licenses.licenses import Outcome
from support.helpers import ACCOUNT, OPERATOR, SEED, Api, device, devices

pytest.importorskip("mcp", reason="needs fotapool[mcp]")

from mcp import Client, StdioServerParameters
from mcp.server import MCPServer

from fotapool.cli.mcp import documentation
from fotapool.cli.mcp.accounts import AccountTools
from fotapool.cli.mcp.answers import MAX_CHARACTERS
from fotapool.cli.mcp.entries import entries
from fotapool.cli.mcp.server import Connection, build_server, tools_of

DEADLINE_S = 120
NOWHERE = "http://127.0.0.1:9"
LISTENER = {"name": "Fota", "url": "http://127.0.0.1:9/", "username": "me", "password": "hush-hush"}


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """SQLite only: what the tools show does not depend on the server's database."""
    return f"sqlite:///{tmp_path}/server.db"


class Assistant:
    """`assistant("list_accounts", limit=5)` calls a tool, in a `with` block.

    `server` is the command, which is started as a process, or the server that it would build.
    """

    def __init__(self, server: StdioServerParameters | MCPServer) -> None:
        self._server = server
        self._stack = ExitStack()

    def __enter__(self) -> Assistant:
        self._portal = self._stack.enter_context(start_blocking_portal())
        client = Client(self._server, read_timeout_seconds=DEADLINE_S)
        self._client = self._stack.enter_context(self._portal.wrap_async_context_manager(client))
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def list_tools(self) -> list[Any]:
        return list(self._portal.call(self._client.list_tools).tools)

    def __call__(self, name: str, **given: Any) -> Any:
        result = self._portal.call(self._client.call_tool, name, given)
        (content,) = result.content
        assert not result.is_error, content.text
        assert len(content.text) <= MAX_CHARACTERS
        return json.loads(content.text)

    def error_of(self, name: str, **given: Any) -> str:
        result = self._portal.call(self._client.call_tool, name, given)
        assert result.is_error
        return str(result.content[0].text)


@pytest.fixture
def process_of(tmp_path: Path) -> Iterator[Callable[..., Assistant]]:
    """Starts `fotapool mcp` for a server."""
    with ExitStack() as stack:

        def start_process(api: Api, *options: str) -> Assistant:
            environment = {
                **os.environ,
                "FOTAPOOL_ADDRESS": str(api.http.base_url),
                "FOTAPOOL_OPERATOR_KEY": OPERATOR,
                "FOTAPOOL_PROFILE": "",
                "FOTAPOOL_PROFILE_DIR": str(tmp_path),
            }
            command = ["-m", "fotapool.cli", "mcp", *options]
            started = StdioServerParameters(command=sys.executable, args=command, env=environment)
            return stack.enter_context(Assistant(started))

        yield start_process


@pytest.fixture
def assistant_of(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Assistant]]:
    """The tools in this process, for the server at an address."""
    with ExitStack() as stack:

        def build(address: Any, key: str = OPERATOR) -> Assistant:
            monkeypatch.setenv("FOTAPOOL_OPERATOR_KEY", key)
            client = stack.enter_context(AdminClient(Target(str(address).rstrip("/"))))
            return stack.enter_context(Assistant(build_server(client, allow_changes=False)))

        yield build


@pytest.fixture
def assistant(api: Api, assistant_of: Callable[..., Assistant]) -> Assistant:
    """The tools in this process, for the fixture `api`'s emulator."""
    return assistant_of(api.http.base_url)


def test_each_tool_says_what_it_does_what_it_takes_and_whether_it_changes_something(assistant: Assistant) -> None:
    found = assistant.list_tools()
    tools = tools_of(Connection(None, allow_changes=False))  # type: ignore[arg-type]
    assert [one.name for one in found] == [tool.__name__ for tool in tools]
    assert [one.annotations.read_only_hint for one in found] == [not changes for changes in tools.values()]
    for one in found:
        assert one.description.rstrip().endswith("."), one.name
        for name, schema in one.input_schema["properties"].items():
            assert schema["description"].endswith("."), (one.name, name)
            assert {"type", "anyOf", "enum"} & set(schema), (one.name, name)


def test_a_process_lists_tools_finds_why_a_call_was_rejected_and_moves_the_clock(
    api: Api, process_of: Callable[..., Assistant]
) -> None:
    assistant = process_of(api)
    assert "list_requests" in [one.name for one in assistant.list_tools()]
    api.assign(1)
    path, body = f"/v3/licenses/{ACCOUNT}/assign", {"deviceList": ["99000000000001"]}
    assert api.call("POST", path, body, headers={"X-Request-Id": "mine"}).status_code == 400
    (row,) = assistant("list_requests", refused_only=True, account=ACCOUNT)["requests"]
    assert (row["path"], row["status"], row["requestId"]) == (f"/api/fota{path}", 400, "mine")
    assert "99000000000001" in row["hints"][0]
    assert "15" in row["hints"][0]
    assert assistant("list_requests", request_id="mine")["requests"] == [row]
    whole = assistant("show_request", number=row["number"])
    assert whole["hints"] == row["hints"]
    assert json.loads(whole["body"]) == body
    assert json.loads(whole["answer"])["errorMessage"] == "Invalid device id format"
    assert api.bearer not in json.dumps(whole)
    assert whole["headers"]["vz-m2m-token"] == "***"
    assert "def test_" in assistant("show_request", number=row["number"], form="pytest")["pytest"]
    errors = assistant("search_docs", words="Invalid device id format")
    assert errors["found"][0]["title"] == "Invalid device id format"
    assert "IMEIs are strings of exactly 15 digits" in " ".join(errors["found"][0]["text"])
    before = assistant("show_server")
    moved = assistant("move_clock", advance="P1D")
    assert before["kind"] == "emulator (`fotapool emulate`)"
    assert before["mayChange"] is True
    assert before["clock"]["now"] == "2026-03-10T12:00:00.000Z"
    assert moved["now"] == assistant("show_server")["clock"]["now"] == "2026-03-11T12:00:00.000Z"
    assert "must have one of advance" in assistant.error_of("move_clock")


def test_a_production_server_is_read_only_unless_changes_are_allowed(
    start: Callable[..., Api], process_of: Callable[..., Assistant]
) -> None:
    api = start(emulator=False, seed=None, sign_in=False)
    assert api.control("POST", "/accounts", {"name": ACCOUNT, "licenseCount": 5}).status_code == 201
    careful, allowed = process_of(api), process_of(api, "--allow-changes")
    server, account = careful("show_server"), careful("show_account", account=ACCOUNT)
    assert (server["kind"], server["mayChange"], server["clock"]) == ("server (`fotapool serve`)", False, None)
    assert account["account"]["licenseCount"] == 5
    for name, changes in tools_of(Connection(None, allow_changes=False)).items():  # type: ignore[arg-type]
        if changes:
            given = {"add_fault": {"match": {}, "action": {"status": 503}}, "redeliver_callback": {"delivery": 1}}
            error = careful.error_of(name.__name__, **given.get(name.__name__, {}))
            assert "it was started by `fotapool serve`" in error
            assert "fotapool mcp --allow-changes" in error
    assert "Only the emulator has a clock" in careful.error_of("list_requests")
    assert "Only the emulator has a clock" in allowed.error_of("move_clock", advance="PT1M")
    assert "delivery 1 does not exist" in allowed.error_of("redeliver_callback", delivery=1)
    assert careful("preview_subscription", account=ACCOUNT, licenses=2)["licenseCount"] == 2
    assert api.pool()["licenseCount"] == 5


def test_errors_are_the_servers_own_sentences(api: Api, assistant_of: Callable[..., Assistant]) -> None:
    assistant = assistant_of(api.http.base_url)
    assert "account nowhere does not exist" in assistant.error_of("show_account", account="nowhere")
    assert "must be 15 digits" in assistant.error_of("show_device", account=ACCOUNT, imei="1")
    assert "request 999 does not exist" in assistant.error_of("show_request", number=999)
    assert "rejected the operator key" in assistant_of(api.http.base_url, key="wrong").error_of("list_accounts")
    answer = api.control("POST", "/operators", {"name": "reader", "role": "viewer"}).json()
    reader = assistant_of(api.http.base_url, key=answer["key"])
    assert "this needs the role editor" in reader.error_of("move_clock", advance="PT1M")
    assert "drop" in assistant.error_of("add_fault", match={}, action={"drop": "sometimes"})


def test_without_a_server_the_tools_say_how_to_start_one_and_the_documentation_is_there(
    assistant_of: Callable[..., Assistant],
) -> None:
    assistant = assistant_of(NOWHERE)
    assert "fotapool emulate --seed demo" in assistant.error_of("list_accounts")
    found = assistant("search_docs", words="POST licenses account assign v3")["found"]
    assert found[0]["title"] == "POST /api/fota/v3/licenses/{account}/assign"
    assert any('"deviceList"' in line for line in found[0]["text"])


def test_long_answers_are_cut_and_say_how_to_get_the_rest(
    start: Callable[..., Api], assistant_of: Callable[..., Assistant]
) -> None:
    seed = json.loads(json.dumps(SEED))
    seed["accounts"][0] |= {"licenseCount": 200, "devices": [{"first": device(0), "count": 150, "licensed": 150}]}
    api = start(seed=seed)
    assistant, found, after = assistant_of(api.http.base_url), list[str](), None
    while True:
        page = assistant("list_devices", account=ACCOUNT, limit=100, after=after)
        found += [row["deviceId"] for row in page["devices"]]
        if page["more"] is None:
            break
        after = page["more"].partition("after=")[2]
    assert found == devices(*range(150))
    text = json.dumps({"deviceList": [f"{number:014d}" for number in range(2_500)]})
    api.call("POST", f"/v3/licenses/{ACCOUNT}/assign", headers={"Content-Type": "application/json"}, content=text)
    (row,) = assistant("list_requests", refused_only=True)["requests"]
    body, offset = "", 0
    while True:
        part = assistant("show_request", number=row["number"], offset=offset)
        body += part["body"]
        if part["more"] is None:
            break
        offset = int(part["more"].partition("offset=")[2])
    assert body == text
    preview = assistant("preview_subscription", account=ACCOUNT, licenses=0)
    assert preview["reclaimed"] == 150
    assert preview["counts"][0]["devices"] == 150
    assert preview["more"].startswith("150 in all: call again with skip=")


def test_the_newest_requests_are_first_and_the_rest_follows(api: Api, assistant: Assistant) -> None:
    for _ in range(5):
        api.call("GET", f"/v3/subscriptions/{ACCOUNT}")
    first = assistant("list_requests", limit=3)
    numbers = [row["number"] for row in first["requests"]]
    assert numbers == sorted(numbers, reverse=True)
    assert first["more"] == f"call again with before={numbers[-1]}"
    rest = assistant("list_requests", before=numbers[-1], limit=100)
    assert [row["number"] for row in rest["requests"]] == list(range(numbers[-1] - 1, 0, -1))
    assert rest["more"] is None


def test_devices_campaigns_and_callbacks_are_shown(
    start: Callable[..., Api], assistant_of: Callable[..., Assistant]
) -> None:
    api = start(seed=CAMPAIGN_SEED)
    assert api.call("POST", f"/v1/callbacks/{ACCOUNT}", LISTENER).status_code == 200
    campaign = schedule(api, 3, deviceList=imeis(LWM2M, 2) + imeis(HTTP, 1), startDate=TODAY)
    api.advance("P2D")
    assistant = assistant_of(api.http.base_url)
    account, listed = assistant("show_account", account=ACCOUNT), assistant("list_campaigns", account=ACCOUNT)
    shown = assistant("show_campaign", account=ACCOUNT, campaign=campaign)
    timeline = assistant("show_device", account=ACCOUNT, imei=imeis(LWM2M, 1)[0])
    deliveries = assistant("list_deliveries", account=ACCOUNT)
    assert ACCOUNT in [one["name"] for one in assistant("list_accounts")["accounts"]]
    assert account["listeners"][0]["listener"] == "v1"
    assert account["fleet"][0]["count"] == 25
    assert listed["campaigns"] == [shown["campaign"]]
    assert {"status": "completed", "devices": 2} in shown["upgrades"]
    assert shown["reasons"] == [{"status": "rejected", "reason": "protocol does not match the package", "devices": 1}]
    assert timeline["device"]["firmware"] == "2"
    assert [one["event"] for one in timeline["timeline"]][:2] == ["upgraded", "upgrade began"]
    assert timeline["timeline"][0]["campaign"] == campaign
    delivery = assistant("show_delivery", delivery=deliveries["deliveries"][0]["id"])
    assert json.loads(delivery["body"])["password"] == "***"
    assert delivery["attempts"][0]["error"]


def test_fault_rules_are_added_listed_and_deleted(api: Api, assistant: Assistant) -> None:
    action = {"status": 503, "body": "x" * 5_000}
    added = assistant("add_fault", match={"path": "/fota/v3", "nth": 1}, action=action)
    assert added["match"] == {"path": "/fota/v3", "nth": 1}
    assert api.call("GET", f"/v3/subscriptions/{ACCOUNT}").status_code == 503
    listed = assistant("list_faults")
    assert [(one["id"], one["fired"]) for one in listed["faults"]] == [(added["id"], 1)]
    assert listed["faults"][0]["action"]["body"].endswith("… (5,000 characters in all)")
    assert assistant("delete_faults", fault=added["id"]) == {"deleted": added["id"]}
    assert assistant("list_faults")["faults"] == []
    assistant("add_fault", match={}, action={"latencyMs": 1})
    assert assistant("delete_faults") == {"deleted": "all"}
    assert api.control("GET", "/faults").json()["faults"] == []


def test_choices_are_those_of_the_server() -> None:
    def choices(tool: Callable[..., Any], name: str) -> list[str]:
        literal = get_args(get_type_hints(tool)[name])[0]
        return list(get_args(literal))

    assert choices(AccountTools.list_campaigns, "status") == [status.word for status in CampaignStatus]
    assert choices(AccountTools.list_deliveries, "state") == [state.word for state in DeliveryState]


def test_each_error_each_result_and_each_operation_can_be_found() -> None:
    kinds = [entry.kind.partition(",")[0] for entry in entries()]
    assert kinds.count("error") >= len(ErrorCode) - 2
    assert kinds.count("result of assign or remove") == len(Outcome)
    assert kinds.count("operation") > 150
    words = ("Device not found.", "firmwareName invalid")
    titles = [json.loads(documentation.search_docs(text))["found"][0]["title"] for text in words]
    assert titles[0] == "Device not found."
    assert "Invalid firmwareName" in titles[1]
    assert json.loads(documentation.search_docs("xyzzy")) == {"found": [], "more": None}


def test_the_sdk_is_imported_by_the_running_command_only() -> None:
    program = (
        "import sys; from fotapool.cli.main import main\n"
        "for words in (['--help'], ['mcp', '--help']): main(words, standalone_mode=False)\n"
        "assert not {'mcp', 'pydantic'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_without_the_sdk_the_command_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mcp", None)
    result = CliRunner().invoke(main, ["mcp"])
    assert result.exit_code == 2
    assert "pip install 'fotapool[mcp]'" in result.output
