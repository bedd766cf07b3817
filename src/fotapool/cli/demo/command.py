"""`fotapool demo`: an emulator with the published examples' accounts, and a walk through it over real HTTP."""

from __future__ import annotations

import contextlib
import signal
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import click
import httpx
import uvicorn
from click.core import ParameterSource

from fotapool.cli.demo.receiver import Receiver, receiving
from fotapool.cli.demo.script import KEY, PASSWORD, REMOVING, SECRET, STATUS, USER, DemoScript, WrongAnswer
from fotapool.cli.server.running import StartFailed, _config, address, listen
from fotapool.cli.server.serve import EMULATOR_KEY
from fotapool.core.settings import Settings

SEED = Path(__file__).with_name("demo_seed.yaml")
REQUEST_WITHIN_S = 30
IDLE_S = 60


@click.command()
@click.option("--once", is_flag=True, help="Exit after the walk; with 1 if any answer was not as documented.")
@click.option(
    "--port", default=8080, show_default=True, type=click.IntRange(0, 65535), help="Port; 0 picks a free one."
)
@click.pass_context
def demo(context: click.Context, once: bool, port: int) -> None:
    """See it work: a server with the published examples' accounts, and a walk through it.

    \b
    Signs in, assigns, lists, runs a campaign on the test clock and shrinks a subscription over real HTTP,
    and prints each request as a curl command with its answer. Then goes on serving, until Ctrl-C, for you
    to try things.
    The database is thrown away at the end.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    asked_for = context.get_parameter_source("port") is not ParameterSource.DEFAULT
    try:
        with contextlib.suppress(KeyboardInterrupt), receiving() as receiver, _serving(port, asked_for) as url:
            ready = _walk(url, receiver)
            if once:
                context.exit(0 if ready else 1)
            click.echo(_what_next(url))
            while True:
                time.sleep(IDLE_S)
    except StartFailed as error:
        raise click.ClickException(str(error)) from error


def _listen(port: int, asked_for: bool) -> tuple[Settings, socket.socket]:
    """A free port is good enough, if the usual one is taken and nobody asked for it. Raises StartFailed."""
    settings = Settings(database="sqlite://", emulator=True, operator_key=EMULATOR_KEY, seed=str(SEED), port=port)
    try:
        return settings, listen(settings)
    except StartFailed as error:
        if asked_for:
            raise
        click.echo(f"note: {error}; using a free port instead")
        return settings, listen(Settings(host=settings.host, port=0))


@contextlib.contextmanager
def _serving(port: int, asked_for: bool) -> Iterator[str]:
    """The address of a server that runs in a thread of this process while the context lasts."""
    from fotapool.app import Server

    settings, listener = _listen(port, asked_for)
    running = uvicorn.Server(_config(settings, Server(settings).app))
    thread = threading.Thread(target=running.run, kwargs={"sockets": [listener]}, name="fotapool-demo", daemon=True)
    thread.start()
    try:
        url = address(settings, listener)
        with httpx.Client(timeout=REQUEST_WITHIN_S) as http:
            http.get(f"{url}/health/ready").raise_for_status()  # the listening socket holds it until all is ready
        click.echo(f"fotapool ready on {url}\n")
        yield url
    except httpx.HTTPError as error:
        raise StartFailed(f"the server does not answer: {error}") from error
    finally:
        running.should_exit = True
        thread.join()
        listener.close()


def _walk(url: str, receiver: Receiver) -> bool:
    """Whether every answer was as documented."""
    with httpx.Client(base_url=url, timeout=REQUEST_WITHIN_S) as http:
        walk = DemoScript(
            http=http,
            operator_key=EMULATOR_KEY,
            receiver=receiver,
            say=click.echo,
            head=lambda text: click.secho(text, bold=True),
        )
        try:
            walk.run()
        except WrongAnswer as error:
            click.secho(f"NOT AS DOCUMENTED: {error}", err=True, bold=True)
            return False
    click.echo(f"{walk.steps} steps, every answer as documented.")
    return True


def _what_next(url: str) -> str:
    return f"""
The server goes on at {url} until Ctrl-C:

  {url}/console        the pools in a browser; sign in with the key {EMULATOR_KEY}
  {url}/docs           every operation
  {url}/openapi.json   the same for programs
  {url}/metrics        the same pool in figures

  client {KEY} / {SECRET}, user {USER} / {PASSWORD}, operator key {EMULATOR_KEY}
  accounts {REMOVING}, {STATUS}, 0000123456-00001

Try next:

  A token that nobody issued: the header X-Fotapool-Auth says which token failed, and why.
    curl -i -H 'Authorization: Bearer nobody' {url}/api/fota/v3/licenses/{STATUS}
  What was posted to the listener, in which order, and how it answered.
    curl -H 'Authorization: Bearer {EMULATOR_KEY}' '{url}/control/v1/deliveries?account={STATUS}'
  Let a day pass on the test clock: both tokens expire, and the server says so.
    curl -X POST -H 'Authorization: Bearer {EMULATOR_KEY}' -d '{{"advance": "P1D"}}' {url}/control/v1/clock
  Go back to the beginning, and to real time.
    curl -X POST -H 'Authorization: Bearer {EMULATOR_KEY}' {url}/control/v1/reset
  From the command line:         fotapool accounts list --address {url}
  A server of your own:          fotapool emulate --seed seed.yaml
  The vendor's SDKs pointed here: docs/clients.md
"""
