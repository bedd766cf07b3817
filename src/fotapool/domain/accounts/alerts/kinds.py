"""The kinds of alert rules: what each watches, and the threshold at which an alert begins and ends.

A value that moves around a threshold would begin and end an alert again and again. So an alert ends only when the value
is away from its threshold by more than the kind's slack (hysteresis).
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Traits:
    """A kind's name in the operator API, its label, the unit and limits of its threshold, and its slack."""

    word: str
    label: str
    unit: str
    least: int
    most: int
    slack: Callable[[int], int]
    """How far (in the unit) beyond a threshold an alert still lasts."""
    is_low: bool = False
    """Whether low values are the bad ones."""
    has_minimum: bool = False
    """Whether the rule has a minimum number of devices."""


class AlertKind(enum.Enum):
    """What a rule watches."""

    USED_SHARE = Traits(word="usedShare", label="Assigned licenses", unit="%", least=1, most=100, slack=lambda _: 2)
    FREE_LICENSES = Traits(
        word="freeLicenses",
        label="Available licenses",
        unit="licenses",
        least=0,
        most=10_000_000,
        slack=lambda threshold: max(1, threshold // 10),
        is_low=True,
    )
    DAYS_UNTIL_EMPTY = Traits(
        word="daysUntilEmpty",
        label="Days until empty",
        unit="days",
        least=0,
        most=1_825,
        slack=lambda _: 2,
        is_low=True,
    )
    FAILING_CALLBACKS = Traits(
        word="failingCallbacks",
        label="Failing callbacks",
        unit="minutes",
        least=1,
        most=43_200,
        slack=lambda threshold: threshold // 2,
    )
    CAMPAIGN_FAILURES = Traits(
        word="campaignFailures",
        label="Failed devices of a campaign",
        unit="%",
        least=1,
        most=100,
        slack=lambda _: 5,
        has_minimum=True,
    )
    REDUCTION = Traits(
        word="reduction",
        label="Subscription reduced",
        unit="licenses",
        least=1,
        most=10_000_000,
        slack=lambda _: 0,
    )
    SCHEDULED_CHANGE = Traits(
        word="scheduledChange",
        label="Scheduled change due",
        unit="hours",
        least=1,
        most=17_544,
        slack=lambda _: 0,
        is_low=True,
    )

    @property
    def word(self) -> str:
        """The kind's name in the operator API."""
        return self.value.word


KIND_OF_WORD = {kind.word: kind for kind in AlertKind}


@dataclass(frozen=True, slots=True)
class Observation:
    """A value of an account that rules of a kind watch, in the unit of the kind.

    `topic` distinguishes several of an account: a campaign, a listener, a change. `value` is None if the condition
    holds whatever the threshold is. `count` is the number of devices that the value is about. `text` says it.
    """

    account_id: int
    account_name: str
    topic: str
    value: int | None
    text: str
    count: int = 0


def begins(kind: AlertKind, threshold: int, minimum: int, seen: Observation) -> bool:
    """Whether an alert begins."""
    return _holds(kind, threshold, minimum, seen)


def lasts(kind: AlertKind, threshold: int, minimum: int, seen: Observation) -> bool:
    """Whether an alert that has begun lasts."""
    return _holds(kind, threshold, minimum, seen, slack=kind.value.slack(threshold))


def _holds(kind: AlertKind, threshold: int, minimum: int, seen: Observation, slack: int = 0) -> bool:
    if seen.value is None:
        return True
    if kind.value.is_low:
        return seen.value <= threshold + slack
    return seen.value >= threshold - slack and seen.count >= minimum
