"""Searches the devices of an account; each page scans a limited number of them, so that it is fast for millions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from fotapool.core.timestamps import DAY_MS
from fotapool.domain.devices.devices import PROTOCOLS
from fotapool.domain.errors import Invalid
from fotapool.domain.names import MAX_IMEI
from fotapool.services.context import Caller, Context
from fotapool.services.devices.devices import with_contact
from fotapool.store.db.connection import Connection
from fotapool.store.devices import search as store
from fotapool.store.devices.devices import OperatorDeviceRow
from fotapool.store.devices.search import LICENSE_FILTERS, Conditions, Version
from fotapool.store.simulation import read_fleets

SCAN = 5_000
"""Number of devices that one page scans if no index finds those that match."""
CONTACT_SCAN = 1_000
"""Number of devices that one page scans for last contacts of simulated devices, which are computed."""
MDN_MATCHES = 1_000
VERSIONS = 200
"""Maximum number of an account's versions (make, model, firmware, protocol) that are read."""
MAX_INDEXED_VERSIONS = 20
"""A search that matches at most so many versions uses the index by version."""
IMEI_DIGITS = 15


class Contact(NamedTuple):
    """A filter by the last contact: its name in Conditions, and the time before now (ms)."""

    seen: str
    within_ms: int


CONTACTS = {
    "": Contact("", 0),
    "day": Contact("since", DAY_MS),
    "week": Contact("since", 7 * DAY_MS),
    "not-day": Contact("not since", DAY_MS),
    "not-week": Contact("not since", 7 * DAY_MS),
    "never": Contact("never", 0),
}


class DeviceFilter(msgspec.Struct, frozen=True):
    """A search; empty texts match everything. IMEI and MDN match beginnings, the others any part, ignoring case."""

    imei: str = ""
    mdn: str = ""
    make: str = ""
    model: str = ""
    firmware: str = ""
    protocol: str = ""
    license: str = ""
    seen: str = ""

    def check(self) -> None:
        """Raises Invalid that names the wrong filter."""
        if self.imei and not (self.imei.isascii() and self.imei.isdigit() and len(self.imei) <= IMEI_DIGITS):
            raise Invalid(f"IMEI must be up to 15 digits: the beginning of it, not {self.imei[:40]!r}")
        if self.protocol not in ("", *PROTOCOLS):
            raise Invalid(f"protocol must be one of {', '.join(PROTOCOLS)}")
        if not self.mdn.isprintable():
            raise Invalid("MDN must be the beginning of a telephone number")
        if self.license not in LICENSE_FILTERS:
            raise Invalid(f"license must be one of {', '.join(LICENSE_FILTERS[1:])}")
        if self.seen not in CONTACTS:
            raise Invalid(f"seen must be one of {', '.join(list(CONTACTS)[1:])}")

    @property
    def texts(self) -> dict[str, str]:
        given = {"make": self.make, "model": self.model, "firmware": self.firmware, "protocol": self.protocol}
        return {column: text for column, text in given.items() if text}

    def imeis(self, after: int) -> tuple[int, int]:
        """The range of IMEIs that match: after the first value, up to the second."""
        if not self.imei:
            return after, MAX_IMEI
        unit = 10 ** (IMEI_DIGITS - len(self.imei))
        first = int(self.imei) * unit
        return max(after, first - 1), first + unit - 1

    def matches(self, version: Version) -> bool:
        columns = dict(zip(("make", "model", "firmware", "protocol"), version, strict=True))
        return all(text.lower() in columns[column].lower() for column, text in self.texts.items())


class SearchPage(msgspec.Struct, frozen=True):
    """A page of devices by IMEI. `after` is the cursor of the next page, or None at the end.

    `scanned` is the number of devices scanned, if the page ended before it was full. `many_mdns`: more than MDN_MATCHES
    MDNs match, and the others were not searched.
    """

    devices: list[OperatorDeviceRow]
    candidates: set[int]
    after: int | None
    scanned: int | None = None
    many_mdns: bool = False
    versions: list[Version] = msgspec.field(default_factory=list)


async def search_devices(context: Context, caller: Caller, wanted: DeviceFilter, after: int, limit: int) -> SearchPage:
    """Up to `limit` matching devices of the account with IMEIs greater than `after`. Raises Invalid."""
    wanted.check()
    now_ms = context.clock.now_ms()
    search = _Search(account_id=caller.account_id, wanted=wanted, after=after, limit=limit, now_ms=now_ms)
    # A page takes some milliseconds, too long for the event loop; on PostgreSQL it must use the indexes.
    read = context.reader.long if context.reader.inline else context.reader.short
    return await read(search.run)


class _Search(msgspec.Struct, frozen=True):
    account_id: int
    wanted: DeviceFilter
    after: int
    limit: int
    now_ms: int

    def run(self, connection: Connection) -> SearchPage:
        versions = store.read_versions(connection, self.account_id, VERSIONS)
        fleets = read_fleets(connection, self.account_id)
        computed = bool(fleets and self.wanted.seen)
        scan = CONTACT_SCAN if computed else SCAN
        matching, end, many_mdns = self._matching(connection, versions, computed, scan)
        rows = store.read_operator_rows(connection, self.account_id, matching)
        rows = with_contact(rows, fleets, self.now_ms)
        if computed:
            rows = [row for row in rows if self._was_seen(row.seen_ms)]
        more = len(rows) > self.limit
        del rows[self.limit :]
        candidates = store.read_candidates_of(connection, self.account_id, [row.imei for row in rows])
        return SearchPage(
            devices=rows,
            candidates=candidates,
            after=rows[-1].imei if more else end,
            scanned=None if more or end is None else scan,
            many_mdns=many_mdns,
            versions=versions,
        )

    def _matching(
        self, connection: Connection, versions: Sequence[Version], computed: bool, scan: int
    ) -> tuple[list[int], int | None, bool]:
        """The devices that match, except for a computed contact.

        Also the last IMEI scanned if further devices were not, and whether too many MDNs match.
        """
        conditions = self._conditions(computed)
        after, last = self.wanted.imeis(self.after)
        limit = scan if computed else self.limit + 1
        fitting = [version for version in versions if self.wanted.matches(version)]
        if self.wanted.mdn:
            devices = store.read_by_mdn(connection, self.account_id, self.wanted.mdn, MDN_MATCHES + 1)
            matching = store.read_matching_of(connection, self.account_id, conditions, devices[:MDN_MATCHES])
            within = [imei for imei in matching if after < imei <= last]
            return within[:limit], None, len(devices) > MDN_MATCHES
        if self._uses_versions(versions, fitting):
            matching = store.read_of_versions(
                connection, account_id=self.account_id, versions=fitting, after=after, last=last, limit=limit
            )
            return matching, None, False
        end = store.read_scan_end(
            connection, account_id=self.account_id, conditions=conditions, after=after, last=last, scan=scan
        )
        last = last if end is None else end
        matching = store.read_matching(
            connection, account_id=self.account_id, conditions=conditions, after=after, last=last, limit=limit
        )
        return matching, end, False

    def _uses_versions(self, versions: Sequence[Version], fitting: Sequence[Version]) -> bool:
        """Whether the index by version finds exactly the matching devices."""
        alone = not (self.wanted.license or self.wanted.seen)
        return bool(self.wanted.texts) and alone and len(versions) < VERSIONS and len(fitting) <= MAX_INDEXED_VERSIONS

    def _conditions(self, computed: bool) -> Conditions:
        seen, within_ms = CONTACTS[self.wanted.seen]
        if computed or not seen:
            return Conditions(self.wanted.license, self.wanted.texts)
        params = {} if seen == "never" else {"since": self.now_ms - within_ms}
        return Conditions(self.wanted.license, self.wanted.texts, seen, params)

    def _was_seen(self, seen_ms: int | None) -> bool:
        seen, within_ms = CONTACTS[self.wanted.seen]
        if seen == "never":
            return seen_ms is None
        within = seen_ms is not None and seen_ms >= self.now_ms - within_ms
        return within if seen == "since" else not within
