"""Labels of the console: campaigns, the ledger, bodies of callbacks."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from fotapool.console.callbacks import shown_body
from fotapool.console.campaigns import labels
from fotapool.console.licenses import ledger_labels
from fotapool.domain.campaigns.campaigns import Artifact, Campaign, CampaignStatus, Flow, Windows
from fotapool.domain.campaigns.upgrades import Reason, UpgradeStatus
from fotapool.domain.licenses.ledger import EntryKind
from fotapool.services.campaigns.campaign_views import allowed_changes, next_event
from fotapool.store.licenses.ledger_views import ChangeRow

SUBJECT = Artifact(
    id=1,
    is_file=False,
    name="package",
    make="Make",
    model="Model",
    from_version="1",
    to_version="2",
    protocol="LWM2M",
    pilot_passed=True,
)
CAMPAIGN = Campaign(
    id=1,
    uuid="uuid",
    account_id=1,
    flow=Flow.NETWORK_AWARE,
    artifact=SUBJECT,
    name="",
    start_date="2026-03-11",
    end_date="2026-03-12",
    start_ms=1000,
    end_ms=9000,
    windows=Windows(),
    auto_assign=False,
    auto_add=False,
    status=CampaignStatus.PENDING,
    devices=5,
    scan_cursor=None,
    enroll_cursor=None,
    created_ms=0,
    updated_ms=0,
    ended_ms=None,
    due_ms=500,
)


def test_every_status_and_reason_has_a_label() -> None:
    assert set(labels.CAMPAIGN) == set(CampaignStatus)
    assert set(labels.UPGRADE) == set(UpgradeStatus)
    assert set(labels.REASONS) == set(Reason)
    assert {kind for _, kinds in ledger_labels.KINDS.values() for kind in kinds} == set(EntryKind)


@pytest.mark.parametrize(
    ("status", "flow", "due_ms", "words", "when_ms"),
    [
        (CampaignStatus.PENDING, Flow.PUSH, 500, "its devices are checked", 500),
        (CampaignStatus.QUEUED, Flow.NETWORK_AWARE, 700, "the network checks which of its devices it knows", 700),
        (CampaignStatus.QUEUED, Flow.PUSH, 1000, "it starts", 1000),
        (CampaignStatus.PRESCHEDULED, Flow.NETWORK_AWARE, 1000, "it starts", 1000),
        (CampaignStatus.SCHEDULED, Flow.PUSH, 2000, "the next of its simulated devices acts", 2000),
        (CampaignStatus.SCHEDULED, Flow.PUSH, 9000, "it ends; devices that have not begun by then fail", 9000),
        (CampaignStatus.ENDED, Flow.PUSH, 9500, "devices that have begun report their result, or fail", 9500),
        (CampaignStatus.ENDED, Flow.PUSH, None, "", None),
    ],
)
def test_a_campaign_names_its_next_event(
    status: CampaignStatus, flow: Flow, due_ms: int | None, words: str, when_ms: int | None
) -> None:
    assert next_event(replace(CAMPAIGN, status=status, flow=flow, due_ms=due_ms)) == (words, when_ms)


def test_what_may_be_changed_is_what_the_rules_allow() -> None:
    assert allowed_changes(CAMPAIGN, 10).cancel is CampaignStatus.CANCELED
    running = allowed_changes(replace(CAMPAIGN, status=CampaignStatus.SCHEDULED), 2000)
    assert (running.cancel, running.start, running.end) == (CampaignStatus.ABORTED, False, True)
    over = allowed_changes(replace(CAMPAIGN, status=CampaignStatus.ENDED), 2000)
    assert (over.cancel, over.start, over.end) == (None, False, False)


@pytest.mark.parametrize(
    ("verb", "detail", "kind", "words"),
    [
        ("assign", {}, EntryKind.ASSIGNED, "requested by the user"),
        ("assign for campaign", {"campaign": "u"}, EntryKind.ASSIGNED, "needed by a campaign that assigns licenses"),
        ("copy account", {"of": "a"}, EntryKind.IMPORTED, "copied from account a"),
        ("undo reduction", {"undone": 7}, EntryKind.RESTORED, "change 7, which took it, was undone"),
        (
            "change subscription",
            {"before": 5, "after": 3},
            EntryKind.RECLAIMED_CANDIDATE,
            "subscription reduced from 5 to 3; the device was on the cancellation candidate list",
        ),
        (
            "change subscription",
            {"before": 3, "after": 5},
            EntryKind.NOTICE_WITHDRAWN,
            "subscription raised from 3 to 5 before the notice ended",
        ),
    ],
)
def test_an_entry_says_why(verb: str, detail: dict[str, object], kind: EntryKind, words: str) -> None:
    assert (
        ledger_labels.reason_label(
            kind, ChangeRow(number=1, at_ms=0, actor="ford", request_id="r", verb=verb, detail=json.dumps(detail))
        )
        == words
    )


def test_a_body_is_shown_as_it_is_if_it_is_no_json_and_without_its_password_if_it_is() -> None:
    assert shown_body(None) is None
    assert shown_body(b"\xff{") == "\ufffd{"
    assert json.loads(shown_body(b'{"password": "x", "a": ["password"]}') or "") == {
        "password": "(not shown)",
        "a": ["password"],
    }
    assert labels.window_label(((22, 24), (0, 6))) == "22:00 to 24:00, 0:00 to 6:00"
    assert labels.campaign_name(CAMPAIGN) == "package from 2026-03-11"
