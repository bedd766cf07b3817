"""Assertions about an account, with readable differences."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from fotapool.testing.views import AccountPool, LedgerLine

MAX_LISTED = 20
"""Devices or lines of a difference in a message."""


def assert_pool(pool: AccountPool, expected: Mapping[str, int]) -> None:
    """Raises AssertionError with all counts side by side, and TypeError for an unknown count."""
    __tracebackhide__ = True
    found = asdict(pool)
    unknown = sorted(set(expected) - set(found))
    if unknown:
        raise TypeError(f"a pool has no {unknown[0]}; it has {', '.join(found)}")
    if all(found[name] == value for name, value in expected.items()):
        return
    lines = ["the pool is not as expected:", f"  {'':14}{'expected':>10}{'found':>10}"]
    for name, value in found.items():
        wanted = expected.get(name)
        mark = "" if wanted is None or wanted == value else "   <-"
        lines.append(f"  {name:14}{'' if wanted is None else wanted:>10}{value:>10}{mark}")
    raise AssertionError("\n".join(lines))


def assert_licensed(licensed: Sequence[str], expected: Iterable[str]) -> None:
    __tracebackhide__ = True
    if isinstance(expected, str):
        raise TypeError(f"expected is a list of IMEIs, not {expected!r}")
    wanted, found = set(check_imeis(expected)), set(licensed)
    if wanted == found:
        return
    lines = [f"expected {len(wanted)} licensed devices, found {len(found)}:"]
    lines += _listed("without a license", sorted(wanted - found))
    lines += _listed("with a license that was not expected", sorted(found - wanted))
    raise AssertionError("\n".join(lines))


def check_imeis(devices: Iterable[str]) -> list[str]:
    """Returns the IMEIs. Raises TypeError for one that is no text, as a list in which several are."""
    imeis = list(devices)
    for imei in imeis:
        if not isinstance(imei, str):
            raise TypeError(f"an IMEI is text, and several are given one by one, as in assign(*devices): not {imei!r}")
    return imeis


def _listed(label: str, devices: Sequence[str]) -> list[str]:
    if not devices:
        return []
    more = f" and {len(devices) - MAX_LISTED} more" if len(devices) > MAX_LISTED else ""
    return [f"  {label}: {', '.join(devices[:MAX_LISTED])}{more}"]


def assert_ledger(entries: Sequence[LedgerLine], expected: Iterable[tuple[str, str]]) -> None:
    __tracebackhide__ = True
    wanted = [f"{what} {device}" for what, device in expected]
    found = [f"{entry.what} {entry.device}" for entry in entries]
    if wanted == found:
        return
    difference = list(difflib.unified_diff(wanted, found, "expected", "ledger", lineterm=""))
    lines = [f"expected {len(wanted)} ledger entries, found {len(found)}:", *difference[:MAX_LISTED]]
    if len(difference) > MAX_LISTED:
        lines.append(f"… and {len(difference) - MAX_LISTED} more lines")
    raise AssertionError("\n".join(lines))


def assert_consistent(audit: Mapping[str, Any]) -> None:
    __tracebackhide__ = True
    if not audit["consistent"]:
        failed = [f"  {check['name']}: {check['found']}" for check in audit["checks"] if not check["ok"]]
        raise AssertionError("\n".join(["the account violates invariants:", *failed]))


def describe(name: str, pool: AccountPool, entries: Sequence[LedgerLine]) -> str:
    """An account's state as text, for the report of a failed test."""
    numbers = ", ".join(f"{member.replace('_', ' ')} {value}" for member, value in asdict(pool).items())
    lines = [f"account {name}: {numbers}", f"ledger, the last {len(entries)}:" if entries else "ledger: empty"]
    lines += [f"  {entry.number:>4}  {entry.time:%Y-%m-%d %H:%M:%S}  {entry.actor}: {entry}" for entry in entries]
    return "\n".join(lines)
