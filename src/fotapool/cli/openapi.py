"""`fotapool openapi`: the OpenAPI document, without a server."""

from __future__ import annotations

import json
from pathlib import Path

import click


@click.command()
@click.option(
    "--format",
    "form",
    type=click.Choice(["json", "http", "bruno"]),
    default="json",
    show_default=True,
    help="json: the document. http: a request of each operation, for VS Code's REST Client and httpYac. "
    "bruno: the same as a collection of Bruno, in the folder --out.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for the collection of Bruno; new or empty.",
)
@click.option("--production", is_flag=True, help="Only what `fotapool serve` has: without the emulator's operations.")
def openapi(form: str, out: Path | None, production: bool) -> None:
    """Print the OpenAPI document, or a collection of requests made from it. Needs no server.

    \b
    Examples:
      fotapool openapi > openapi.json
      npx openapi-typescript openapi.json -o fotapool.d.ts
      fotapool openapi --format http > fotapool.http
      fotapool openapi --format bruno --out fotapool-bruno
    """
    if (form == "bruno") != (out is not None):
        raise click.UsageError("--format bruno needs --out, and only it")
    if out is not None and out.exists() and any(out.iterdir()):
        raise click.UsageError(f"{out} is not empty: give a new folder for the collection")
    from fotapool.app import build_openapi_document
    from fotapool.web.openapi.bruno import bruno_files
    from fotapool.web.openapi.http_file import http_file

    document = build_openapi_document(not production)
    if out is not None:
        for name, text in bruno_files(document).items():
            path = out / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return
    click.echo(http_file(document) if form == "http" else json.dumps(document, indent=2, ensure_ascii=False))
