"""`fotapool compare`: replays a recording on an emulator and reports the differences."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fotapool.cli.terminal import printable

if TYPE_CHECKING:
    from fotapool.recording.pairs import Pair
    from fotapool.recording.replay import Replay, Result
    from fotapool.testing.control import Control

SAME, DIFFERENT, FAILED = 0, 1, 2
CONFLICT = 409


@click.command()
@click.argument("recording", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--seed",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Seed document; default: one derived from the recording.",
)
@click.option("--against", metavar="URL", help="Address of a running emulator; default: start one.")
@click.option(
    "--operator-key", default="operator", metavar="KEY", help="Operator key of that emulator.", show_default=True
)
@click.option("--values", is_flag=True, help="Also report ids, times, counts and lengths that differ.")
@click.option("--ignore", multiple=True, metavar="MEMBER", help="Member to ignore; can be repeated.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def compare(
    context: click.Context,
    recording: Path,
    seed: Path | None,
    against: str | None,
    operator_key: str,
    values: bool,
    ignore: tuple[str, ...],
    as_json: bool,
) -> None:
    """Replay a recording of `fotapool record` on an emulator, and report differing responses.

    Exit code 0: no differences; 1: differences; 2: some requests could not be replayed.

    \b
    Examples:
      fotapool compare recording.jsonl
      fotapool compare recording.jsonl --seed seed.yaml --json
    """
    from fotapool.recording.pairs import UnreadableRecording, read_recording
    from fotapool.recording.replay import CannotReplay
    from fotapool.recording.report import as_document, as_text
    from fotapool.testing.control import ControlFailed
    from fotapool.testing.server import ServerFailed

    if seed and against:
        raise click.UsageError("--seed cannot be combined with --against: seed that emulator when you start it")
    try:
        pairs = read_recording(recording)
        if not pairs:
            raise CannotReplay(f"{recording} has no requests")
        with _server(
            pairs=pairs, seed=seed, against=against, operator_key=operator_key, values=values, ignored=ignore
        ) as replay:
            results: list[Result] = list(replay.run(pairs))
    except (UnreadableRecording, CannotReplay, ControlFailed, ServerFailed, OSError) as error:
        click.echo(f"Error: {printable(str(error))}", err=True)
        context.exit(FAILED)
    if as_json:
        click.echo(json.dumps(as_document(results), indent=2))
    else:
        click.echo(printable("\n".join(as_text(results))))
    differing, skipped = any(one.differences for one in results), any(one.skipped for one in results)
    context.exit(DIFFERENT if differing else FAILED if skipped else SAME)


@contextmanager
def _server(
    pairs: list[Pair], seed: Path | None, against: str | None, operator_key: str, values: bool, ignored: tuple[str, ...]
) -> Iterator[Replay]:
    """A replay against a server that has the accounts, devices and users of the recording."""
    import httpx

    from fotapool.recording.replay import TIMEOUT_S, Replay
    from fotapool.recording.seed_from_recording import SeedBuilder
    from fotapool.testing.server import Server

    document = SeedBuilder(pairs).document()
    with tempfile.TemporaryDirectory(prefix="fotapool-compare-") as directory:
        if seed is None:
            seed = Path(directory) / "seed.json"
            seed.write_text(json.dumps(document))
        arguments = ["--seed", str(seed), "--clock", pairs[0].time]
        with (
            Server(*arguments, address=against, operator_key=operator_key) as server,
            httpx.Client(base_url=server.address, timeout=TIMEOUT_S, trust_env=False) as client,
        ):
            _prepare(server.control, document)
            clock = None if against else lambda time: _move(server.control, time)
            yield Replay(client, values, ignored, clock)


def _prepare(control: Control, document: dict[str, Any]) -> None:
    """Creates what does not exist on the server; changes nothing else."""
    from fotapool.recording.seed_from_recording import OWN_USER

    for account in document["accounts"]:
        new = {name: account[name] for name in ("name", "purchaseType", "licenseCount")}
        if _add(control, "/accounts", new) and account["devices"]:
            lines = [line for line in account["devices"] if "deviceId" in line]
            control.call("POST", f"/accounts/{account['name']}/devices", lines)
    for package in document["firmware"]:
        _add(control, "/firmware", {**package, **({"proven": True} if "proven" in package else {})})
    for client in document["clients"]:
        _add(control, "/clients", client)
    for user in document["users"]:
        if not _add(control, "/users", user) and user["username"] == OWN_USER:
            control.call("DELETE", f"/users/{OWN_USER}")  # from an earlier comparison, with other accounts
            _add(control, "/users", user)


def _add(control: Control, path: str, body: dict[str, Any]) -> bool:
    """Whether it was created; False if it exists. Raises ControlFailed."""
    from fotapool.testing.control import ControlFailed

    try:
        control.call("POST", path, body)
    except ControlFailed as error:
        if error.status != CONFLICT:
            raise
        return False
    return True


def _move(control: Control, time: str) -> None:
    """Advances the clock to the time of a recorded request."""
    if control.call("GET", "/clock")["now"] < time:
        control.call("POST", "/clock", {"to": time})
