"""`fotapool find TEXT`."""

from __future__ import annotations

from typing import Any

import click

from fotapool.cli.client import options
from fotapool.cli.client.output import print_rows, stderr_note


@click.command()
@click.argument("text")
@options.as_json
@options.admin_client_options
def find(client: Any, text: str, as_json: bool) -> None:
    """Find devices, accounts, campaigns, firmware, users and requests of all accounts.

    \b
    TEXT is an IMEI (14, 15 or 16 digits), an MDN, the name of an account, package or user, the name or id of
    a campaign, or a request id, in any usual spelling. All but request ids are found by how they begin, too.

    \b
    Examples:
      fotapool find "35-209900-176148-1"
      fotapool find 0242078689
      fotapool find 3046e0ddd243-17 --json
    """
    answer = client.call("GET", "/search", query={"q": text})
    shown = "kind label:found detail account"
    results = answer["results"]
    print_rows(
        rows=results, shown=shown, as_json=as_json, limit=len(results) or None, empty=f"Nothing found for {text}."
    )
    if answer["kindsWithMore"]:
        kinds = ", ".join(answer["kindsWithMore"])
        stderr_note(f"There are more results of the kinds {kinds}. For others, give more of the text.")
