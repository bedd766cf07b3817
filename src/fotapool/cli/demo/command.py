"""`fotapool demo`: an emulator with the accounts of the published examples, and a guided tour over HTTP."""

from __future__ import annotations

import contextlib
import signal
import socket
import threading
import time
from collections.abc import Iterator

import click
import httpx
import uvicorn
from click.core import ParameterSource

from fotapool.cli.demo.script import KEY, PASSWORD, REMOVING, SECRET, STATUS, USER, DemoScript, WrongResponse
from fotapool.cli.server.process import StartFailed, address, listen, make_config
from fotapool.cli.server.serve import DEMO_SEED, EMULATOR_KEY
from fotapool.core.settings import Settings
from fotapool.testing import Server

REQUEST_TIMEOUT_S = 30
IDLE_S = 60


@click.command()
@click.option("--once", is_flag=True, help="Exit after the tour: 0, or 1 if a response was not as documented.")
@click.option(
    "--port", default=8080, show_default=True, type=click.IntRange(0, 65535), help="Port; 0 picks a free one."
)
@click.pass_context
def demo(context: click.Context, once: bool, port: int) -> None:
    """Start an emulator with the accounts of the published examples, and run a guided tour.

    \b
    The tour signs in, assigns, lists, runs a campaign on the test clock and reduces a subscription over HTTP.
    It prints each request as a curl command, with its response. Then the server keeps running until Ctrl-C.
    Its database is in memory.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    is_port_given = context.get_parameter_source("port") is not ParameterSource.DEFAULT
    try:
        with (
            contextlib.suppress(KeyboardInterrupt),
            _serving(port, is_port_given) as url,
            Server(address=url) as server,
        ):
            succeeded = _run_tour(server)
            if once:
                context.exit(0 if succeeded else 1)
            click.echo(_next_steps(url))
            while True:
                time.sleep(IDLE_S)
    except StartFailed as error:
        raise click.ClickException(str(error)) from error


def _listen(port: int, is_port_given: bool) -> tuple[Settings, socket.socket]:
    """Uses a free port if the default port is taken. Raises StartFailed if `is_port_given`."""
    settings = Settings(database="sqlite://", emulator=True, operator_key=EMULATOR_KEY, seed=str(DEMO_SEED), port=port)
    try:
        return settings, listen(settings)
    except StartFailed as error:
        if is_port_given:
            raise
        click.echo(f"note: {error}; using a free port")
        return settings, listen(Settings(host=settings.host, port=0))


@contextlib.contextmanager
def _serving(port: int, is_port_given: bool) -> Iterator[str]:
    """Runs a server in a thread; yields its address."""
    from fotapool import app

    settings, listener = _listen(port, is_port_given)
    running = uvicorn.Server(make_config(settings, app.Server(settings).app))
    thread = threading.Thread(target=running.run, kwargs={"sockets": [listener]}, name="fotapool-demo", daemon=True)
    thread.start()
    try:
        url = address(settings, listener)
        with httpx.Client(timeout=REQUEST_TIMEOUT_S, trust_env=False) as http:
            http.get(f"{url}/health/ready").raise_for_status()  # the socket queues it until the server is ready
        click.echo(f"fotapool ready on {url}\n")
        yield url
    except httpx.HTTPError as error:
        raise StartFailed(f"the server does not respond: {error}") from error
    finally:
        running.should_exit = True
        thread.join()
        listener.close()


def _run_tour(server: Server) -> bool:
    """Whether every response was as documented."""
    with httpx.Client(base_url=server.address, timeout=REQUEST_TIMEOUT_S, trust_env=False) as http:
        script = DemoScript(
            http=http,
            operator_key=EMULATOR_KEY,
            inbox=server.receiver.inbox(STATUS),
            echo=click.echo,
            echo_heading=lambda text: click.secho(text, bold=True),
        )
        try:
            script.run()
        except WrongResponse as error:
            click.secho(f"NOT AS DOCUMENTED: {error}", err=True, bold=True)
            return False
    click.echo(f"{script.steps} steps, every response as documented.")
    return True


def _next_steps(url: str) -> str:
    return f"""
The server is running at {url} until Ctrl-C:

  {url}/console        the console; sign in with the key {EMULATOR_KEY}
  {url}/docs           API reference
  {url}/openapi.json   OpenAPI document
  {url}/metrics        Prometheus metrics

  client {KEY} / {SECRET}, user {USER} / {PASSWORD}, operator key {EMULATOR_KEY}
  accounts {REMOVING}, {STATUS}, 0000123456-00001

Try next:

  Send an unknown token: the header X-Fotapool-Auth says which token failed, and why.
    curl -i -H 'Authorization: Bearer nobody' {url}/api/fota/v3/licenses/{STATUS}
  List the callback deliveries, in order, with the listener's responses.
    curl -H 'Authorization: Bearer {EMULATOR_KEY}' '{url}/control/v1/deliveries?account={STATUS}'
  Advance the test clock by a day: both tokens expire.
    curl -X POST -H 'Authorization: Bearer {EMULATOR_KEY}' -d '{{"advance": "P1D"}}' {url}/control/v1/clock
  Reset the data and the clock.
    curl -X POST -H 'Authorization: Bearer {EMULATOR_KEY}' {url}/control/v1/reset
  Use the command line:          fotapool accounts list --address {url}
  Start a server of your own:    fotapool emulate --seed demo
  Use the vendor's SDKs:         docs/how-to/clients.md
"""
