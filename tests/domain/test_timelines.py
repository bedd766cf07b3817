"""The sentences of a device's timeline, one by one."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from fotapool.domain.campaigns.upgrades import Reason, Upgrade, UpgradeStatus
from fotapool.domain.devices.timelines import EntryFacts, TimelineEvent, license_event, ordinal, upgrade_events
from fotapool.domain.licenses.ledger import EntryKind

MARCH = int(datetime(2026, 3, 1, 8, tzinfo=UTC).timestamp() * 1000)
MAY = int(datetime(2026, 5, 1, tzinfo=UTC).timestamp() * 1000)
REDUCED = {"before": 300, "after": 200}


@pytest.mark.parametrize(
    ("facts", "sentence"),
    [
        (
            EntryFacts(
                kind=EntryKind.RECLAIMED_OLDEST, verb="change subscription", detail=REDUCED, place=41, assigned_ms=MARCH
            ),
            "reclaimed: subscription reduced from 300 to 200, 41st in line, not on the candidate list,"
            " assigned 2026-03-01",
        ),
        (
            EntryFacts(
                kind=EntryKind.RECLAIMED_CANDIDATE, verb="change subscription", detail=REDUCED, place=2, assigned_ms=0
            ),
            "reclaimed: subscription reduced from 300 to 200, 2nd in line, on the candidate list,"
            " assigned at an unknown time",
        ),
        (
            EntryFacts(
                kind=EntryKind.RECLAIMED_OLDEST,
                verb="change subscription",
                detail={},
                place=None,
                assigned_ms=None,
                imported_ms=MARCH,
            ),
            "reclaimed: subscription reduced, not on the candidate list, imported as licensed 2026-03-01",
        ),
        (
            EntryFacts(
                kind=EntryKind.NOTICE_CANDIDATE,
                verb="change subscription",
                detail=REDUCED,
                place=1,
                assigned_ms=MARCH,
                imported_ms=None,
                notice_until_ms=MAY,
            ),
            "marked for removal on 2026-05-01: subscription reduced from 300 to 200, 1st in line,"
            " on the candidate list, assigned 2026-03-01; an upgrade was in progress, so that the license goes later",
        ),
        (
            EntryFacts(EntryKind.NOTICE_WITHDRAWN, "change subscription", {"before": 200, "after": 250}),
            "removal canceled: subscription raised from 200 to 250; the device keeps its license",
        ),
        (
            EntryFacts(kind=EntryKind.NOTICE_ENDED, verb="end notice", detail={}, place=None, assigned_ms=MARCH),
            "reclaimed: the pending removal of an earlier reduction took effect, assigned 2026-03-01",
        ),
        (EntryFacts(EntryKind.ASSIGNED, "assign", {}), "licensed: as requested"),
        (
            EntryFacts(EntryKind.ASSIGNED, "assign for campaign", {"campaign": "x"}),
            "licensed: a campaign that assigns free licenses needed it",
        ),
        (EntryFacts(EntryKind.IMPORTED, "import devices", {"lines": 1}), "licensed: imported as licensed"),
        (
            EntryFacts(
                kind=EntryKind.IMPORTED, verb="import devices", detail={"lines": 1}, place=None, assigned_ms=MARCH
            ),
            "licensed: imported as licensed, assigned 2026-03-01",
        ),
        (EntryFacts(EntryKind.IMPORTED, "copy account", {"of": "a"}), "licensed: copied from account a"),
        (
            EntryFacts(
                kind=EntryKind.RESTORED, verb="undo reduction", detail={"undone": 7}, place=None, assigned_ms=MARCH
            ),
            "license restored: change 7, which had taken it, was undone, assigned 2026-03-01",
        ),
        (
            EntryFacts(kind=EntryKind.REMOVED, verb="remove", detail={}, place=None, assigned_ms=None),
            "license removed: as requested, assigned before what is on record here",
        ),
    ],
)
def test_each_kind_of_entry_says_what_and_why(facts: EntryFacts, sentence: str) -> None:
    assert license_event(5, facts).sentence == sentence
    assert sentence.startswith(license_event(5, facts).what)


def upgrade(status: UpgradeStatus, started_ms: int | None = None, ended_ms: int | None = None) -> Upgrade:
    return Upgrade(
        id=1,
        account_id=1,
        imei=1,
        campaign_id=1,
        status=status,
        reason=Reason.NONE,
        attempts=0,
        scheduled_ms=10,
        started_ms=started_ms,
        ended_ms=ended_ms,
        updated_ms=40,
        due_ms=None,
    )


@pytest.mark.parametrize(
    ("given", "reason", "told"),
    [
        (upgrade(UpgradeStatus.PENDING), "", [(10, "named for an upgrade, to be checked: FW")]),
        (
            upgrade(UpgradeStatus.REJECTED, None, 30),
            "no license",
            [(30, "rejected by the checks of an upgrade: FW; no license")],
        ),
        (upgrade(UpgradeStatus.SCHEDULED), "", [(10, "scheduled: FW")]),
        (upgrade(UpgradeStatus.SCHEDULED), "not reached", [(10, "scheduled: FW; not reached")]),
        (
            upgrade(UpgradeStatus.IN_PROGRESS, 20),
            "installing",
            [(10, "scheduled: FW"), (20, "upgrade began: FW; installing")],
        ),
        (
            upgrade(UpgradeStatus.COMPLETED, 20, 30),
            "done",
            [(10, "scheduled: FW"), (20, "upgrade began: FW"), (30, "upgraded: FW")],
        ),
        (
            upgrade(UpgradeStatus.FAILED, 20, 30),
            "the download failed",
            [(10, "scheduled: FW"), (20, "upgrade began: FW"), (30, "upgrade failed: FW; the download failed")],
        ),
        (upgrade(UpgradeStatus.CANCELED), "", [(10, "scheduled: FW"), (40, "upgrade canceled: FW")]),
    ],
)
def test_each_state_of_an_upgrade_tells_how_it_came_to_it(
    given: Upgrade, reason: str, told: list[tuple[int, str]]
) -> None:
    found: list[TimelineEvent] = upgrade_events(given, "FW", reason)
    assert [(moment.at_ms, moment.sentence) for moment in found] == told


@pytest.mark.parametrize(
    ("number", "words"),
    [(1, "1st"), (2, "2nd"), (3, "3rd"), (4, "4th"), (11, "11th"), (13, "13th"), (41, "41st"), (1112, "1,112th")],
)
def test_places_in_line_are_counted_in_words(number: int, words: str) -> None:
    assert ordinal(number) == words
