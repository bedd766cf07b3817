"""The side bar: which pages it links to, in which group, with which icon and key."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

from fotapool.console.identity.sessions import PATH


class Place(NamedTuple):
    """A page of the side bar. `icon` is a symbol of icons.svg; `key` goes to the page after `g`; `below` are the
    paths that belong to the page, too."""

    path: str
    label: str
    icon: str
    key: str = ""
    below: Sequence[str] = ()


GROUPS: tuple[tuple[str, Sequence[Place]], ...] = (
    (
        "",
        (
            Place("/overview", "Overview", "layout-dashboard", "o"),
            Place("/pools", "Accounts", "building-2", "a", below=("/accounts",)),
            Place("/search", "Devices", "cpu", "d"),
            Place("/campaigns", "Campaigns", "circle-arrow-up", "c"),
            Place("/callbacks", "Callbacks", "webhook"),
            Place("/billing", "Billing", "receipt-text"),
            Place("/alerts", "Alerts", "triangle-alert"),
            Place("/audit-log", "Audit log", "scroll-text", "l"),
        ),
    ),
    (
        "Emulator",
        (
            Place("/emulator/clock", "Clock", "clock"),
            Place("/emulator/requests", "Requests", "arrow-left-right"),
            Place("/emulator/faults", "Faults", "zap"),
            Place("/emulator/snapshots", "Snapshots", "archive"),
        ),
    ),
    (
        "Administration",
        (
            Place("/firmware", "Firmware", "package"),
            Place("/access", "Access", "key-round"),
            Place("/retention", "Stored data", "archive"),
            Place("/system", "System", "server"),
        ),
    ),
)


def navigation(paths: Collection[str]) -> list[tuple[str, list[Place]]]:
    """The groups of the side bar with the pages that this server has; `paths` are those of its pages."""
    found = ((heading, [place for place in places if place.path in paths]) for heading, places in GROUPS)
    return [
        (heading, [place._replace(path=PATH + place.path) for place in places]) for heading, places in found if places
    ]


def is_current(place: Place, path: str) -> bool:
    """Whether a request's path is the page or one below it."""
    return any(
        path == start or path.startswith(start + "/") for start in (place.path, *(PATH + one for one in place.below))
    )
