"""What is sent about alerts: the JSON body of a webhook, and the subject and text of an e-mail made from it."""

from __future__ import annotations

import json
from typing import Any

from fotapool.core.timestamps import format_timestamp
from fotapool.domain.callbacks import AlertMessage

MAX_ALERTS_A_MESSAGE = 100
TYPES = ("alerts.began", "alerts.ended", "alerts.test")
_VERBS = {"alerts.began": "Alert", "alerts.ended": "Ended", "alerts.test": "Test"}


def encode_message(message: AlertMessage) -> bytes:
    """The body of a webhook: `type`, `timestamp` and `data`, as Standard Webhooks recommends."""
    document = {
        "type": message.type,
        "timestamp": format_timestamp(message.at_ms),
        "data": {"rule": message.rule, "alerts": list(message.alerts)},
    }
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def mail_of(body: bytes) -> tuple[str, str]:
    """The subject and the text of the e-mail that says what the body of a webhook says."""
    document: dict[str, Any] = json.loads(body)
    rule, alerts = document["data"]["rule"], document["data"]["alerts"]
    verb = _VERBS[document["type"]]
    if document["type"] == "alerts.test":
        return f"[fotapool] Test of {rule['name']}", f"This is a test message of the alert rule {rule['name']}.\n"
    about = alerts[0]["account"] if len(alerts) == 1 else f"{len(alerts)} alerts"
    lines = [f"{one['account']}: {one['text']} (since {one['beganAt']})" for one in alerts]
    if document["type"] == "alerts.ended":
        lines = [f"{one['account']}: {one['text']} (ended {one['endedAt']})" for one in alerts]
    return f"[fotapool] {verb}: {rule['name']}: {about}", "\n".join([*lines, "", f"Alert rule: {rule['name']}", ""])
