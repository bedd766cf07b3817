"""The pytest plugin: a server for the run, an account for each test, and its state in the report of a failed test.

pytest loads this module in every run, also of suites that do not use it, so it imports nothing but pytest at first.
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
    "packages=…, fleet=…, copy_of=…): the contents of the test's account"
)
DIRECTORY = "fotapool_directory"
"""The key in `workerinput` of the directory through which pytest-xdist workers share a server."""
START_WITHIN_S = 60.0
POLL_S = 0.02
_ACCOUNT = pytest.StashKey["Account"]()
_SHARED = pytest.StashKey[str]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("fotapool")
    group.addoption(
        "--fotapool-address",
        metavar="URL",
        default=os.environ.get("FOTAPOOL_TEST_ADDRESS"),
        help="use the emulator at this address instead of starting one",
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
        help="its certificate authority, if its address is https",
    )
    parser.addini("fotapool_tls", "start the emulator with https", type="bool", default=False)
    parser.addini("fotapool_arguments", "more options of `fotapool emulate`", type="args", default=[])


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", MARKER)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """In pytest-xdist's controller: gives the workers the directory of their shared server."""
    directory = node.config.stash.get(_SHARED, None)
    if directory is None:
        directory = node.config.stash[_SHARED] = tempfile.mkdtemp(prefix="fotapool-")
    node.workerinput[DIRECTORY] = directory


def pytest_unconfigure(config: pytest.Config) -> None:
    """In pytest-xdist's controller: stops the shared server."""
    directory = config.stash.get(_SHARED, None)
    if directory is not None:
        with suppress(OSError, ValueError, KeyError):
            os.kill(json.loads((Path(directory) / "server.json").read_text())["pid"], signal.SIGTERM)
        shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(scope="session")
def fotapool_server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """The emulator of this run, shared by all tests and all pytest-xdist workers."""
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
        found, ca_file = _shared_server(Path(shared), arguments, tls, config.rootpath)
        server = Server(address=found, ca_file=ca_file, block=worker_block())
    else:
        server = Server(*arguments, block=worker_block(), tls=tls, directory=str(config.rootpath))
    with server:
        yield server


@pytest.fixture
def fotapool_own_server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """An emulator for this test only, with its own clock. It takes about a second to start."""
    from fotapool.testing.server import Server

    config = request.config
    arguments, tls = config.getini("fotapool_arguments"), config.getini("fotapool_tls")
    with Server(*arguments, block=0, tls=tls, directory=str(config.rootpath)) as server:
        yield server


@pytest.fixture
def fotapool(request: pytest.FixtureRequest) -> Iterator[Account]:
    """An account for this test, with the contents of `@pytest.mark.fotapool(licenses=5, devices=10)`.

    It is on the server of `fotapool_own_server` if the test uses that fixture, else on the shared server.
    """
    own = "fotapool_own_server" in request.fixturenames
    server = request.getfixturevalue("fotapool_own_server" if own else "fotapool_server")
    account = server.account(**_marked(request.node))
    request.node.stash[_ACCOUNT] = account
    yield account
    request.node.stash.setdefault(_ACCOUNT, account)
    del request.node.stash[_ACCOUNT]
    account.close()


def _marked(node: pytest.Item) -> dict[str, Any]:
    """The members of the test's marks. A wrong one fails the test."""
    from fotapool.testing.options import read_options

    options: dict[str, Any] = {}
    for marker in reversed(list(node.iter_markers("fotapool"))):
        if marker.args:
            pytest.fail(
                f"the mark fotapool has members only, as in licenses=5; it was given {marker.args[0]!r}", pytrace=False
            )
        options.update(marker.kwargs)
    try:
        read_options(options)
    except (TypeError, ValueError) as error:
        pytest.fail(f"the mark fotapool is wrong: {error}", pytrace=False)
    return options


def _shared_server(directory: Path, arguments: list[str], tls: bool, root: Path) -> tuple[str, str | None]:
    """Address and CA file of the server that all workers share. The first worker starts it. Raises ServerFailed."""
    from fotapool.testing.server import ServerFailed
    from fotapool.testing.waiting import monotonic_s

    path = directory / "server.json"
    try:
        (directory / "starting").mkdir()
    except FileExistsError:
        deadline = monotonic_s() + START_WITHIN_S
        while not path.exists():
            if monotonic_s() > deadline:
                raise TimeoutError(f"the server of the other worker did not start within {START_WITHIN_S} s") from None
            time.sleep(POLL_S)
        document = json.loads(path.read_text())
    else:
        document = _start_shared_server(directory, arguments, tls, root)
        (directory / "writing").write_text(json.dumps(document))
        (directory / "writing").rename(path)
    if "failed" in document:
        raise ServerFailed(document["failed"])
    return document["address"], document["ca_file"]


def _start_shared_server(directory: Path, arguments: list[str], tls: bool, root: Path) -> dict[str, Any]:
    from fotapool.testing.server import OPERATOR_KEY, ServerFailed, ca_file_in, start_emulator, tls_arguments

    certificates = str(directory / "tls")
    if tls:
        arguments = [*arguments, *tls_arguments(certificates)]
    try:
        process, address = start_emulator(arguments, OPERATOR_KEY, os.getppid(), str(root))
    except ServerFailed as error:
        return {"failed": str(error)}
    return {"address": address, "pid": process.pid, "ca_file": ca_file_in(certificates) if tls else None}


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Adds the account's state and its last requests to the report of a failed test."""
    outcome = yield
    report = outcome.get_result()  # type: ignore[attr-defined]
    account = item.stash.get(_ACCOUNT, None)
    if account is None or not report.failed:
        return
    try:
        from fotapool.testing.features.report import sections

        report.sections.extend(sections(account))
    except Exception as error:
        report.sections.append(("fotapool", f"the state of {account.name} could not be read: {error}"))
