"""`fotapool openapi`: the OpenAPI document, without a server."""

from __future__ import annotations

import json

import click


@click.command()
@click.option(
    "--format",
    "form",
    type=click.Choice(["json", "http"]),
    default="json",
    show_default=True,
    help="json: the document. http: a request of each operation, for VS Code's REST Client and httpYac.",
)
@click.option("--production", is_flag=True, help="Only what `fotapool serve` has: without the emulator's operations.")
def openapi(form: str, production: bool) -> None:
    """Print the OpenAPI document, or a collection of requests made from it. Needs no server.

    \b
    Examples:
      fotapool openapi > openapi.json
      npx openapi-typescript openapi.json -o fotapool.d.ts
      fotapool openapi --format http > fotapool.http
    """
    from fotapool.app import build_openapi_document
    from fotapool.web.openapi.http_file import http_file

    document = build_openapi_document(not production)
    click.echo(http_file(document) if form == "http" else json.dumps(document, indent=2, ensure_ascii=False))
