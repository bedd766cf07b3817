"""Descriptions of fault rules for people. Pure."""

from __future__ import annotations

from fotapool.emulator.rules import FaultAction, FaultMatch

_CALLBACKS = {
    "drop": "a callback is lost, though it is recorded as delivered",
    "duplicate": "a callback is sent twice",
    "reorder": "a callback is sent after the next one",
    "delay": "a callback is late",
}


def describe_match(match: FaultMatch, callbacks: bool) -> str:
    """Which requests, or callbacks, the rule matches."""
    scope = [
        "callbacks" if callbacks else f"{match.method} requests" if match.method else "requests",
        match.path and f"to {match.path}",
        match.account and f"about account {match.account}",
        match.device_id and f"about device {match.device_id}",
    ]
    limits = [
        match.nth and f", occurrence {match.nth} only",
        match.every and f", one in every {match.every}",
        match.probability is not None and f", probability {100 * match.probability:g}%, random seed {match.seed}",
        match.times and f", at most {match.times} times",
    ]
    found = " ".join(one for one in scope if one) + "".join(one for one in limits if one)
    return found if any(scope[1:]) or match.method or any(limits) else f"all {found}"


def describe_action(action: FaultAction) -> str:
    """The effect of the rule."""
    late = f", by {action.by_ms} ms at most" if action.by_ms is not None else ""
    effects = [
        action.latency_ms is not None and f"waits {action.latency_ms} ms",
        action.status is not None and f"is answered {action.status} and not handled",
        action.drop == "after" and "is handled, but the connection closes without an answer",
        action.drop == "before" and "is not handled, and the connection closes without an answer",
        action.expire_token and f"finds its {action.expire_token} token expired",
        action.callback and _CALLBACKS[action.callback] + late,
    ]
    return ", then ".join(one for one in effects if one)
