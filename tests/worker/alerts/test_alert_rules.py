"""When alerts begin, last and end, and which rules are refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from fotapool.domain.accounts.alerts.kinds import AlertKind, Observation, begins, lasts
from fotapool.domain.accounts.alerts.messages import encode_message, mail_of
from fotapool.domain.accounts.alerts.rules import WantedRule, check_rule, style_of
from fotapool.domain.callbacks import AlertMessage, decode, encode, kind_of
from fotapool.domain.errors import Conflict, Invalid
from support.helpers import NOW_MS

RULE = WantedRule("Nearly full", AlertKind.USED_SHARE, 0, 90, 0, ("https://example.com/hook",), True)


@pytest.mark.parametrize(
    ("kind", "threshold", "first", "last", "over"),
    [
        (AlertKind.USED_SHARE, 90, 90, 88, 87),
        (AlertKind.FREE_LICENSES, 50, 50, 55, 56),
        (AlertKind.FREE_LICENSES, 0, 0, 1, 2),
        (AlertKind.DAYS_UNTIL_EMPTY, 14, 14, 16, 17),
        (AlertKind.FAILING_CALLBACKS, 60, 60, 30, 29),
        (AlertKind.CAMPAIGN_FAILURES, 20, 20, 15, 14),
        (AlertKind.REDUCTION, 100, 100, 100, 99),
        (AlertKind.SCHEDULED_CHANGE, 48, 48, 48, 49),
    ],
)
def test_an_alert_begins_at_its_threshold_and_ends_beyond_its_slack(
    kind: AlertKind, threshold: int, first: int, last: int, over: int
) -> None:
    def seen(value: int | None, count: int = 10) -> Observation:
        return Observation(1, "account", "", value, "", count)

    beyond = first + 1 if kind.value.is_low else first - 1
    assert begins(kind, threshold, 0, seen(first))
    assert not begins(kind, threshold, 0, seen(beyond))
    assert lasts(kind, threshold, 0, seen(last))
    assert not lasts(kind, threshold, 0, seen(over))
    assert begins(kind, threshold, 0, seen(None))
    assert not begins(AlertKind.CAMPAIGN_FAILURES, 20, 11, seen(100))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": ""}, "name must be"),
        ({"name": "a/b"}, "name must be"),
        ({"threshold": 101}, "threshold of usedShare must be from 1 to 100"),
        ({"minimum": 5}, "minimum must be at least 1, and only campaignFailures"),
        ({"kind": AlertKind.CAMPAIGN_FAILURES, "minimum": 0}, "minimum must be"),
        ({"targets": ("http://example.com/hook",)}, "a public https URL"),
        ({"targets": ("https://10.0.0.1/hook",)}, "a public https URL"),
        ({"targets": ("ftp://example.com",)}, "a public https URL"),
        ({"targets": ("mailto:nobody",)}, "one e-mail address"),
        ({"targets": ("mailto:a@example.com\r\nBcc: b@example.com",)}, "one e-mail address"),
        ({"targets": ("https://example.com/1",) * 2}, "each named once"),
        ({"targets": tuple(f"https://example.com/{place}" for place in range(11))}, "at most 10"),
    ],
)
def test_rules_that_make_no_sense_are_refused(change: dict[str, Any], message: str) -> None:
    check_rule(RULE, private_targets=False, sends_mail=True)
    with pytest.raises((Conflict, Invalid), match=message):
        check_rule(replace(RULE, **change), private_targets=False, sends_mail=True)


def test_e_mail_needs_a_server() -> None:
    rule = replace(RULE, targets=("mailto:night-shift@example.com",))
    check_rule(rule, private_targets=False, sends_mail=True)
    with pytest.raises(Conflict, match="--smtp-host"):
        check_rule(rule, private_targets=False, sends_mail=False)


def test_each_target_has_a_queue_of_its_own() -> None:
    styles = {style_of(target) for target in ("https://a.example.com", "https://b.example.com", "mailto:a@example.com")}
    assert len(styles) == 3
    assert all(style.startswith("alerts:") and len(style) == 31 for style in styles)


def test_the_body_of_a_message_and_its_e_mail() -> None:
    alert = {"id": 7, "account": "0242078689-00001", "topic": "", "value": 95, "text": "95% of 100 are used"}
    times = {"beganAt": "2026-03-10T12:00:00.000Z", "endedAt": None}
    rule = {"name": "Nearly full", "kind": "usedShare", "threshold": 90, "minimum": 0}
    message = AlertMessage("alerts.began", NOW_MS, rule, ({**alert, **times},))
    stored = decode(encode(message))
    assert kind_of(encode(message)) == "alerts"
    assert isinstance(stored, AlertMessage)
    body = encode_message(stored)
    assert body == encode_message(message)
    topic, text, at_ms = mail_of(body)
    assert topic == "[fotapool] Alert: Nearly full: 0242078689-00001"
    assert text.startswith("0242078689-00001: 95% of 100 are used (since 2026-03-10T12:00:00.000Z)\n")
    assert at_ms == NOW_MS
    over = replace(message, type="alerts.ended", alerts=({**alert, **times, "endedAt": times["beganAt"]},) * 2)
    topic, text, _ = mail_of(encode_message(over))
    assert topic == "[fotapool] Ended: Nearly full: 2 alerts"
    assert text.count("(ended 2026-03-10T12:00:00.000Z)") == 2
