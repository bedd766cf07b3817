"""Alert rules: their members, the targets that messages go to, and the limits of both."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from fotapool.domain.accounts.alerts.kinds import AlertKind
from fotapool.domain.callbacks import OF_ALERTS, check_url
from fotapool.domain.errors import Conflict, Invalid, RequestRejected

MAX_RULES = 200
MAX_TARGETS = 10
"""Maximum number of targets of a rule."""
MAX_OPEN_ALERTS = 10_000
"""Maximum number of open alerts of a rule; further ones begin when others have ended."""
MAX_NOTE = 500
MIN_DEVICES = 10
"""Default of the minimum number of devices of a rule about campaigns."""
NAME_PATTERN = "[0-9A-Za-z][0-9A-Za-z ._-]{0,99}"
MAIL = "mailto:"
_NAME = re.compile(NAME_PATTERN, re.ASCII)
_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63}){0,8}", re.ASCII)


@dataclass(frozen=True, slots=True)
class WantedRule:
    """A rule as an operator gives it; `account_id` is 0 for all accounts."""

    name: str
    kind: AlertKind
    account_id: int
    threshold: int
    minimum: int
    targets: tuple[str, ...]
    enabled: bool


def check_rule(rule: WantedRule, private_targets: bool, sends_mail: bool) -> None:
    """Raises Invalid for the name, and Conflict that names another member that is wrong.

    `sends_mail`: whether the server has an SMTP server to send mail by.
    """
    traits = rule.kind.value
    if _NAME.fullmatch(rule.name) is None:
        raise Invalid(
            "name must be 1 to 100 letters, digits, spaces, '.', '_' or '-', and begin with a letter or digit"
        )
    if not traits.least <= rule.threshold <= traits.most:
        raise Conflict(f"threshold of {traits.word} must be from {traits.least} to {traits.most:,} ({traits.unit})")
    if rule.minimum < 0 or (rule.minimum > 0) != traits.has_minimum:
        raise Conflict(f"minimum must be at least 1, and only {AlertKind.CAMPAIGN_FAILURES.word} has it")
    check_targets(rule.targets, private_targets, sends_mail)


def check_targets(targets: Sequence[str], private_targets: bool, sends_mail: bool) -> None:
    """Raises Conflict unless each is a URL that callbacks may be sent to, or `mailto:` and an e-mail address."""
    if len(targets) > MAX_TARGETS or len(set(targets)) < len(targets):
        raise Conflict(f"targets must be at most {MAX_TARGETS}, each named once")
    for target in targets:
        if target.startswith(MAIL):
            if _ADDRESS.fullmatch(target.removeprefix(MAIL)) is None:
                raise Conflict(f"target {target[:100]!r} is not mailto: and one e-mail address")
            if not sends_mail:
                raise Conflict("a target by e-mail needs a server to send it by: set --smtp-host and --smtp-from")
            continue
        try:
            check_url(target, private_targets)
        except RequestRejected as error:
            schemes = "an http or https" if private_targets else "a public https"
            raise Conflict(f"target {target[:100]!r} is not {schemes} URL or mailto: and an address") from error


def style_of(target: str) -> str:
    """The style of the listener that a target is in the queue of callbacks: each target has its own queue."""
    return f"{OF_ALERTS}{sha256(target.encode()).hexdigest()[:24]}"
