"""Rules of faults in sentences. Pure."""

from __future__ import annotations

from typing import Any

_CALLBACKS = {
    "drop": "a callback is lost, though its sender believes that it arrived",
    "duplicate": "a callback comes twice",
    "reorder": "a callback comes after the next one",
    "delay": "a callback comes late",
}


def describe_match(match: dict[str, Any], callbacks: bool) -> str:
    """What a rule is about, from the members that were given."""
    words = ["callbacks" if callbacks else f"{match['method']} requests" if "method" in match else "requests"]
    for name, form in (("path", "to {}"), ("account", "about account {}"), ("deviceId", "about device {}")):
        if name in match:
            words.append(form.format(match[name]))
    limits = []
    if "nth" in match:
        limits.append(f"only number {match['nth']} of them")
    if "every" in match:
        limits.append(f"one in every {match['every']}")
    if "probability" in match:
        limits.append(f"by chance {100 * match['probability']:g} %, seed {match.get('seed', 0)}")
    if "times" in match:
        limits.append(f"at most {match['times']} times")
    if len(words) == 1 and not limits:
        return f"all {words[0]}"
    return " ".join(words) + "".join(f", {one}" for one in limits)


def describe_action(action: dict[str, Any]) -> str:
    """What then happens."""
    words = [f"waits {action['latencyMs']} ms"] if "latencyMs" in action else []
    if "status" in action:
        words.append(f"is answered {action['status']} and not handled")
    if "drop" in action:
        done = "is handled and its answer lost" if action["drop"] == "after" else "is lost and not handled"
        words.append(f"{done}: the connection closes")
    if "expireToken" in action:
        words.append(f"finds its {action['expireToken']} token expired")
    if "callback" in action:
        late = f", by {action['byMs']} ms at most" if "byMs" in action else ""
        words.append(_CALLBACKS[action["callback"]] + late)
    return ", then ".join(words)
