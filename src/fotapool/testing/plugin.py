"""The pytest plugin: a server for the run, an account for each test, and its state where a test fails.

pytest loads this module in every run of an environment that has the package: it imports nothing but pytest here.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from fotapool.testing.account import Account
    from fotapool.testing.server import Server

MARKER = (
    "fotapool(licenses=10, devices=10, licensed=0, make=…, model=…, firmware=…, protocol=…, purchase_type=…, "
    "packages=…, copy_of=…): what the account of the test has"
)
DIRECTORY = "fotapool_directory"
"""Where the workers of pytest-xdist find the server that they share, in what their controller tells them."""
START_WITHIN_S = 60.0
LOOK_EVERY_S = 0.02
MAX_REQUESTS_SHOWN = 10
MAX_BODY_SHOWN = 600
_ACCOUNT = pytest.StashKey["Account"]()
_SHARED = pytest.StashKey[str]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("fotapool")
    group.addoption(
        "--fotapool-address",
        metavar="URL",
        default=os.environ.get("FOTAPOOL_TEST_ADDRESS"),
        help="use the emulator that runs there, and start none",
    )
    group.addoption(
        "--fotapool-operator-key",
        metavar="KEY",
        default=os.environ.get("FOTAPOOL_TEST_OPERATOR_KEY", "operator"),
        help="its operator key",
    )
    group.addoption(
        "--fotapool-ca-file",
        metavar="FILE",
        default=os.environ.get("FOTAPOOL_TEST_CA_FILE"),
        help="the certificate authority of an emulator with https",
    )
    parser.addini("fotapool_tls", "whether the emulator is started with https", type="bool", default=False)
    parser.addini("fotapool_arguments", "further options of `fotapool emulate`", type="args", default=[])


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", MARKER)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """For pytest-xdist's controller: the workers share a server that the first to need it starts."""
    directory = node.config.stash.get(_SHARED, None)
    if directory is None:
        directory = node.config.stash[_SHARED] = tempfile.mkdtemp(prefix="fotapool-")
    node.workerinput[DIRECTORY] = directory


def pytest_unconfigure(config: pytest.Config) -> None:
    """The controller ends the server that its workers shared; it would end with this process anyway."""
    directory = config.stash.get(_SHARED, None)
    if directory is not None:
        with suppress(OSError, ValueError, KeyError):
            os.kill(json.loads((Path(directory) / "server.json").read_text())["pid"], signal.SIGTERM)
        shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(scope="session")
def fotapool_server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """The emulator of this run, shared by all tests and by all workers of pytest-xdist."""
    from fotapool.testing.ranges import worker_block
    from fotapool.testing.server import Server

    config = request.config
    address = config.getoption("--fotapool-address")
    key = config.getoption("--fotapool-operator-key")
    arguments = config.getini("fotapool_arguments")
    shared = getattr(config, "workerinput", {}).get(DIRECTORY)
    tls = config.getini("fotapool_tls")
    if address:
        server = Server(address=address, operator_key=key, ca_file=config.getoption("--fotapool-ca-file"))
    elif shared:
        found, ca_file = _shared_server(Path(shared), arguments, tls)
        server = Server(address=found, ca_file=ca_file, block=worker_block())
    else:
        server = Server(*arguments, block=worker_block(), tls=tls)
    with server:
        yield server


@pytest.fixture
def fotapool_own_server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """An emulator for this test alone, whose clock nobody else moves. It takes about a second to start."""
    from fotapool.testing.server import Server

    config = request.config
    with Server(*config.getini("fotapool_arguments"), block=0, tls=config.getini("fotapool_tls")) as server:
        yield server


@pytest.fixture
def fotapool(request: pytest.FixtureRequest) -> Iterator[Account]:
    """An account of this test's own, as `@pytest.mark.fotapool(licenses=5, devices=10)` says.

    It is on the server of `fotapool_own_server` if the test takes that too, else on the shared one.
    """
    own = "fotapool_own_server" in request.fixturenames
    server = request.getfixturevalue("fotapool_own_server" if own else "fotapool_server")
    options: dict[str, Any] = {}
    for marker in reversed(list(request.node.iter_markers("fotapool"))):
        options.update(marker.kwargs)
    account = server.account(**options)
    request.node.stash[_ACCOUNT] = account
    yield account
    request.node.stash.setdefault(_ACCOUNT, account)
    del request.node.stash[_ACCOUNT]
    account.close()


def _shared_server(directory: Path, arguments: list[str], tls: bool) -> tuple[str, str | None]:
    """The address of the server of all workers, and its certificate authority; the first that gets here starts it."""
    found = directory / "server.json"
    try:
        (directory / "starting").mkdir()
    except FileExistsError:
        until = time.monotonic() + START_WITHIN_S
        while not found.exists():
            if time.monotonic() > until:
                raise TimeoutError(f"the server of the other worker did not start within {START_WITHIN_S} s") from None
            time.sleep(LOOK_EVERY_S)
        return _address_or_failure(json.loads(found.read_text()))
    from fotapool.testing.server import OPERATOR_KEY, ServerFailed, ca_file_in, start_emulator, tls_arguments

    certificates = str(directory / "tls")
    if tls:
        arguments = [*arguments, *tls_arguments(certificates)]
    try:
        process, address = start_emulator(arguments, OPERATOR_KEY, stop_with=os.getppid())
        told: dict[str, Any] = {
            "address": address,
            "pid": process.pid,
            "ca_file": ca_file_in(certificates) if tls else None,
        }
    except ServerFailed as error:
        told = {"failed": str(error)}
    (directory / "writing").write_text(json.dumps(told))
    (directory / "writing").rename(found)
    return _address_or_failure(told)


def _address_or_failure(told: dict[str, Any]) -> tuple[str, str | None]:
    from fotapool.testing.server import ServerFailed

    if "failed" in told:
        raise ServerFailed(told["failed"])
    return str(told["address"]), told["ca_file"]


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Attaches the account's state and its last requests to the report of a test that failed."""
    outcome = yield
    report = outcome.get_result()  # type: ignore[attr-defined]
    account = item.stash.get(_ACCOUNT, None)
    if account is None or not report.failed:
        return
    try:
        report.sections.append(("fotapool: the account", account.describe()))
        requests = _last_requests(account)
        if requests:
            report.sections.append(("fotapool: its last requests", requests))
    except Exception as error:
        report.sections.append(("fotapool", f"the server could not be asked about {account.name}: {error}"))


def _last_requests(account: Account) -> str:
    """What the inspector has of the account, if the server has one."""
    from fotapool.testing.control import ControlFailed

    try:
        answer = account.server.control.call("GET", f"/requests?account={account.name}&limit=1000")
    except ControlFailed as error:
        if error.status == 404:
            return ""
        raise
    return "\n".join(_shown(one) for one in answer["requests"][-MAX_REQUESTS_SHOWN:])


def _shown(one: dict[str, Any]) -> str:
    lines = [f"{one['time']}  {one['method']} {one['path']}  {one['status']}"]
    lines += [f"    {label} {one[member][:MAX_BODY_SHOWN]}" for label, member in (("sent", "body"), ("got ", "answer"))]
    return "\n".join([*lines, *(f"    hint {hint}" for hint in one["hints"])])
