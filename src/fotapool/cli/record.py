"""`fotapool record`: a proxy that records a real service without secrets."""

from __future__ import annotations

import logging
import secrets
import signal
import socket
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import click

if TYPE_CHECKING:
    from fotapool.core.settings import Settings
    from fotapool.recording.pairs import RecordingFile

LOOPBACK = ("127.0.0.1", "::1", "localhost")


def _check_upstream(_: click.Context, __: click.Parameter, url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.username:
        raise click.BadParameter("must be the base URL of a service, as https://thingspace.verizon.com/api")
    return url


@click.command(context_settings={"auto_envvar_prefix": "FOTAPOOL_RECORD"})
@click.option(
    "--upstream", required=True, metavar="URL", callback=_check_upstream, help="Base URL of the real service."
)
@click.option(
    "--out",
    required=True,
    metavar="FILE_OR_DIR",
    help="New file, or directory for a new file; a directory that ends with / is created.",
)
@click.option("--host", default="127.0.0.1", help="Address to listen on.", show_default=True)
@click.option(
    "--port", default=8090, type=click.IntRange(0, 65535), help="Port; 0 picks a free one.", show_default=True
)
@click.option(
    "--redact-member",
    multiple=True,
    metavar="NAME",
    help="Additional member, field or parameter whose values are redacted; can be repeated.",
)
@click.option(
    "--redact-text",
    multiple=True,
    metavar="TEXT",
    help="Additional text to redact everywhere; can be repeated.",
)
@click.option(
    "--upstream-ca",
    type=click.Path(exists=True, dir_okay=False),
    metavar="FILE",
    help="PEM file of the service's certificate authority, if it is a private one.",
)
def record(
    upstream: str,
    out: str,
    host: str,
    port: int,
    redact_member: tuple[str, ...],
    redact_text: tuple[str, ...],
    upstream_ca: str | None,
) -> None:
    """Proxy requests to a real service, and record them without secrets.

    Use the printed address in your client. docs/how-to/recording.md describes the redaction and the format of the file.

    \b
    Example:
      fotapool record --upstream https://thingspace.verizon.com/api --out recordings/
      fotapool compare recordings/recording-20260301T120000Z.jsonl
    """
    from fotapool.cli.server.process import StartFailed, listen
    from fotapool.core.clock import SystemClock
    from fotapool.core.settings import Settings
    from fotapool.recording.proxy import Proxy, Recorder, open_client
    from fotapool.recording.redaction import Redactor

    logging.basicConfig(format="%(levelname)s: %(message)s", level=logging.WARNING)
    if host not in LOOPBACK:
        click.echo("warning: this proxy can be reached by others, and forwards their requests to the service", err=True)
    file, path = _create_file(out)
    settings = Settings(host=host, port=port)
    recorder = Recorder(file, Redactor(secrets.token_bytes(32), redact_member, redact_text))
    is_local = urlsplit(upstream).hostname in LOOPBACK
    app = Proxy(upstream, recorder, SystemClock(), lambda: open_client(upstream_ca, is_local))
    try:
        with listen(settings) as listener:
            _run(app, settings, listener, path)
    except StartFailed as error:
        raise click.ClickException(str(error)) from error
    finally:
        file.close()
        click.echo(f"{file.pairs} requests recorded in {path}", err=True)


def _create_file(out: str) -> tuple[RecordingFile, Path]:
    """A new file at `out`, or in that directory."""
    from fotapool.core.clock import SystemClock
    from fotapool.recording.pairs import RecordingFile
    from fotapool.recording.proxy import file_name

    path = Path(out)
    try:
        if out.endswith("/"):
            path.mkdir(parents=True, exist_ok=True)
        if path.is_dir():
            path /= file_name(SystemClock().now_ms())
        return RecordingFile(path), path
    except OSError as error:
        raise click.ClickException(f"cannot write {path}: {error.strerror}; name a new file, or a directory") from error


def _run(app: Any, settings: Settings, listener: socket.socket, path: Path) -> None:
    """Runs until SIGTERM or SIGINT."""
    import uvicorn

    from fotapool.cli.server.process import address

    class Announcing(uvicorn.Server):
        async def startup(self, sockets: object = None) -> None:
            await super().startup([listener])
            if self.started:
                click.echo(f"fotapool records on {address(settings, listener)} to {path}")

    # uvicorn stops gracefully and then raises the signal again, which must not end the process
    signal.signal(signal.SIGTERM, lambda *_: None)
    config = uvicorn.Config(
        app, log_level="warning", access_log=False, lifespan="on", server_header=False, date_header=False
    )
    with suppress(KeyboardInterrupt):
        Announcing(config).run(sockets=[listener])
