"""What is sent about alerts: the JSON body of a webhook, and the topic and text of an e-mail made from it."""

from __future__ import annotations

import json
from typing import Any

from fotapool.core.timestamps import format_timestamp, parse_timestamp
from fotapool.domain.callbacks import AlertMessage

MAX_ALERTS_A_MESSAGE = 100
TYPES = ("alerts.began", "alerts.ended", "alerts.test")


def encode_message(message: AlertMessage) -> bytes:
    """The body of a webhook: `type`, `timestamp` and `data`, as Standard Webhooks recommends."""
    document = {
        "type": message.type,
        "timestamp": format_timestamp(message.at_ms),
        "data": {"rule": message.rule, "alerts": list(message.alerts)},
    }
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def mail_of(body: bytes) -> tuple[str, str, int]:
    """The topic, the text and the time (ms) of the e-mail that says what the body of a webhook says."""
    document: dict[str, Any] = json.loads(body)
    kind, rule, alerts = document["type"], document["data"]["rule"]["name"], document["data"]["alerts"]
    at_ms = parse_timestamp(document["timestamp"])
    if kind == "alerts.test":
        return f"[fotapool] Test of {rule}", f"This is a test message of the alert rule {rule}.\n", at_ms
    is_over = kind == "alerts.ended"
    about = alerts[0]["account"] if len(alerts) == 1 else f"{len(alerts)} alerts"
    times = [f"ended {one['endedAt']}" if is_over else f"since {one['beganAt']}" for one in alerts]
    lines = [f"{one['account']}: {one['text']} ({time})" for one, time in zip(alerts, times, strict=True)]
    topic = f"[fotapool] {'Ended' if is_over else 'Alert'}: {rule}: {about}"
    return topic, "\n".join([*lines, "", f"Alert rule: {rule}", ""]), at_ms
