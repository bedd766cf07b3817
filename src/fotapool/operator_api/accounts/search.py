"""The search over all accounts."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec.structs import replace

from fotapool.domain.accounts.search import MAX_SEARCH, ResultKind
from fotapool.domain.records import from_attributes
from fotapool.operator_api.calls import OperatorCall
from fotapool.services.accounts import search as service
from fotapool.web.operations import Operation
from fotapool.web.pages import CONSOLE_BASE
from fotapool.web.parameters import text_parameter

TEXT = replace(
    text_parameter("q", "IMEI, MDN, account, campaign, firmware, user or request id"),
    schema={"type": "string", "minLength": 1, "maxLength": MAX_SEARCH, "examples": ["35-209900-176148-1"]},
    is_required=True,
)
Kind = Annotated[str, msgspec.Meta(extra_json_schema={"enum": [kind.value for kind in ResultKind]})]


class SearchResult(msgspec.Struct):
    """`exact`: the text names it, in any spelling; otherwise it begins with the text. `link` is its console page."""

    kind: Kind
    label: str
    detail: str
    account: str | None
    exact: bool
    link: str


class SearchResults(msgspec.Struct):
    """At most 20 results of each kind. `kindsWithMore` names the kinds that have more."""

    results: list[SearchResult]
    kindsWithMore: list[Kind]


async def search(call: OperatorCall) -> SearchResults:
    """Find devices, accounts, campaigns, firmware, users and requests of all accounts.

    By IMEI (14, 15 or 16 digits), MDN, name, display name or id in any usual spelling, or by how they begin.
    """
    found = await service.search(call.context, call.get(TEXT))
    results = [
        from_attributes(SearchResult, one, kind=one.kind.value, exact=one.is_exact, link=CONSOLE_BASE + one.page)
        for one in found.found
    ]
    return SearchResults(results, [kind.value for kind in found.more])


OPERATIONS = (Operation("GET", "/search", search, parameters=[TEXT]),)
