"""Finds devices, accounts, campaigns, packages, users and requests of all accounts by one text."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar
from urllib.parse import quote, urlencode

import msgspec

from fotapool.core.timestamps import format_timestamp
from fotapool.domain.accounts.search import MAX_FOUND, ResultKind, SearchTerms, parse_search
from fotapool.domain.identity import is_locked
from fotapool.domain.names import format_device_id
from fotapool.services.context import Context
from fotapool.store.accounts import search as store
from fotapool.store.db.connection import Connection

WALKED = 5 * MAX_FOUND
"""Number of rows that are read to find those with a beginning, and of a request's changes."""
Row = TypeVar("Row")


class Found(msgspec.Struct, frozen=True):
    """A result. `page` is the path of its page below that of the console, `detail` a text for people."""

    kind: ResultKind
    label: str
    detail: str
    account: str | None
    is_exact: bool
    """Whether the text names it, in any spelling; otherwise it begins with the text."""
    page: str


class SearchResults(msgspec.Struct):
    """At most MAX_FOUND results of each kind, exact ones first; `more` has the kinds with further ones."""

    text: str
    found: list[Found] = msgspec.field(default_factory=list)
    more: list[ResultKind] = msgspec.field(default_factory=list)

    def add(self, kind: ResultKind, results: Iterable[Found]) -> None:
        once: dict[tuple[str | None, ...], Found] = {}
        for result in results:
            key = (result.page, result.label, result.detail, result.account)
            if key not in once or result.is_exact:
                once[key] = result
        some = sorted(once.values(), key=lambda result: not result.is_exact)
        self.found += some[:MAX_FOUND]
        if len(some) > MAX_FOUND:
            self.more.append(kind)

    @property
    def only(self) -> Found | None:
        """The one result that the text names; None if there is none, or several."""
        exact = {result.page: result for result in self.found if result.is_exact}
        return next(iter(exact.values())) if len(exact) == 1 else None


async def search(context: Context, text: str) -> SearchResults:
    """What the text names or begins. Raises Invalid."""
    terms = parse_search(text)

    def read(connection: Connection) -> SearchResults:
        results = SearchResults(terms.text)
        for kind, find in _FINDERS.items():
            results.add(kind, find(connection, terms))
        return results

    # Not on the event loop; on PostgreSQL it must use the indexes, as short reads do.
    run = context.reader.long if context.reader.inline else context.reader.short
    return await run(read)


def _page(*parts: str, **query: object) -> str:
    path = "".join("/" + quote(part, safe="") for part in parts)
    return f"{path}?{urlencode(query)}" if query else path


def _beginning(rows: Iterable[Row], text: str, name_of: Callable[[Row], str]) -> Iterator[Row]:
    return (row for row in rows if name_of(row).startswith(text))


def _devices(connection: Connection, terms: SearchTerms) -> Iterator[Found]:
    limit = MAX_FOUND + 1
    if terms.mdns:
        rows = store.read_devices_with_mdn(connection, terms.mdns, limit)
        yield from (_device(row, True) for row in rows)
    if terms.imeis:
        rows = store.read_devices_between(connection, *terms.imeis, limit)
        yield from (_device(row, terms.is_whole_imei) for row in rows)
    if terms.mdn_part:
        rows = store.read_devices_from_mdn(connection, terms.mdn_part, limit)
        yield from (_device(row, row.mdn in terms.mdns) for row in _beginning(rows, terms.mdn_part, lambda d: d.mdn))


def _device(row: store.FoundDevice, is_exact: bool) -> Found:
    imei = format_device_id(row.imei)
    page = _page("accounts", row.account, "devices", imei)
    detail = f"MDN {row.mdn}" if row.mdn else ""
    return Found(ResultKind.DEVICE, imei, detail, account=row.account, is_exact=is_exact, page=page)


def _accounts(connection: Connection, terms: SearchTerms) -> Iterator[Found]:
    rows = store.read_accounts_from(connection, terms.text, WALKED)
    yield from (_account(row, row.name == terms.text) for row in _beginning(rows, terms.text, lambda row: row.name))
    rows = store.read_accounts_from_display_name(connection, terms.text, WALKED)
    name = terms.text.lower()
    found = _beginning(rows, name, lambda row: row.display_name.lower())
    yield from (_account(row, row.display_name.lower() == name) for row in found)


def _account(row: store.FoundAccount, is_exact: bool) -> Found:
    page = _page("accounts", row.name)
    detail = f"{row.display_name}, {row.status}" if row.display_name else row.status
    return Found(ResultKind.ACCOUNT, row.name, detail, account=row.name, is_exact=is_exact, page=page)


def _campaigns(connection: Connection, terms: SearchTerms) -> Iterator[Found]:
    if terms.campaign_id:
        rows = store.read_campaigns_from_id(connection, terms.campaign_id, WALKED)
        found = _beginning(rows, terms.campaign_id, lambda row: row.uuid)
        yield from (_campaign(row, row.uuid == terms.campaign_id) for row in found)
    rows = store.read_campaigns_from_name(connection, terms.text, WALKED)
    name = terms.text.lower()
    found = _beginning(rows, name, lambda row: row.name.lower())
    yield from (_campaign(row, row.name.lower() == name) for row in found)


def _campaign(row: store.FoundCampaign, is_exact: bool) -> Found:
    page = _page("accounts", row.account, "campaigns", row.uuid)
    label, detail = (row.name, row.uuid) if row.name else (row.uuid, "")
    return Found(ResultKind.CAMPAIGN, label, detail, account=row.account, is_exact=is_exact, page=page)


def _packages(connection: Connection, terms: SearchTerms) -> Iterator[Found]:
    rows = store.read_packages_from(connection, terms.text, WALKED)
    for row in _beginning(rows, terms.text, lambda row: row.name):
        detail = f"{row.make} {row.model}, {row.from_version} to {row.to_version}"
        is_exact = row.name == terms.text
        page = _page("firmware", row.name)
        yield Found(ResultKind.FIRMWARE, row.name, detail, account=None, is_exact=is_exact, page=page)


def _users(connection: Connection, terms: SearchTerms) -> Iterator[Found]:
    rows = store.read_users_from(connection, terms.text, WALKED)
    for name, failed in _beginning(rows, terms.text, lambda row: row.name):
        detail = "locked" if is_locked(failed) else ""
        page = _page("access", user=name)
        yield Found(ResultKind.USER, name, detail, account=None, is_exact=name == terms.text, page=page)


def _changes(connection: Connection, terms: SearchTerms) -> Iterator[Found]:
    """One result for each account: the request's last change of it."""
    rows = store.read_changes_of(connection, terms.text, WALKED)
    last = {row.account: row for row in sorted(rows, key=lambda row: row.number)}
    for row in last.values():
        # The ledger's page looks for the request from there on; the last change is not known of a request with more.
        place = {"before": row.number + 1} if len(rows) < WALKED else {}
        page = _page("accounts", row.account, "ledger", "changes", request=terms.text, **place)
        detail = f"by {row.actor}, {format_timestamp(row.at_ms)}"
        yield Found(ResultKind.CHANGE, row.verb, detail, account=row.account, is_exact=True, page=page)


def _entries(connection: Connection, terms: SearchTerms) -> Iterator[Found]:
    page = _page("audit-log", request=terms.text)
    for row in store.read_entries_of(connection, terms.text, MAX_FOUND + 1):
        outcome = "done" if row.status is None else f"refused with {row.status}"
        detail = f"{outcome}, by {row.operator or 'unknown'}, {format_timestamp(row.at_ms)}"
        yield Found(ResultKind.AUDIT_ENTRY, row.action, detail, account=row.account or None, is_exact=True, page=page)


_FINDERS: dict[ResultKind, Callable[[Connection, SearchTerms], Iterator[Found]]] = {
    ResultKind.DEVICE: _devices,
    ResultKind.ACCOUNT: _accounts,
    ResultKind.CAMPAIGN: _campaigns,
    ResultKind.FIRMWARE: _packages,
    ResultKind.USER: _users,
    ResultKind.CHANGE: _changes,
    ResultKind.AUDIT_ENTRY: _entries,
}
