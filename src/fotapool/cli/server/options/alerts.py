"""The options of alerts and of the e-mail that they send, for `fotapool serve` and `fotapool emulate`."""

from __future__ import annotations

import re

import click

from fotapool.core.settings import SmtpSecurity

_SENDER = re.compile(r"(?:[^<>@\r\n\x00]*<)?[^<>@\s]+@[^<>@\s]+>?")


def _check_sender(_: click.Context, __: click.Parameter, text: str | None) -> str | None:
    if text is not None and _SENDER.fullmatch(text) is None:
        raise click.BadParameter(f"{text!r} is not an e-mail address such as fotapool@example.com")
    return text


ALERT_OPTIONS = (
    click.option(
        "--alert-interval-s",
        default=60,
        type=click.IntRange(10, 86_400),
        help="Seconds between two evaluations of the alert rules.",
    ),
    click.option(
        "--smtp-host", metavar="HOST", help="SMTP server that sends alerts by e-mail. Needs --smtp-from, too."
    ),
    click.option("--smtp-port", default=587, type=click.IntRange(1, 65_535), help="Port of the SMTP server."),
    click.option(
        "--smtp-security",
        default=SmtpSecurity.STARTTLS.value,
        type=click.Choice([one.value for one in SmtpSecurity]),
        help="Encryption of the connection: starttls, tls from the beginning, or none.",
    ),
    click.option("--smtp-username", metavar="NAME", help="User of the SMTP server; without it, no sign-in."),
    click.option(
        "--smtp-password", metavar="PASSWORD", help="Password of that user. Set it by FOTAPOOL_SMTP_PASSWORD."
    ),
    click.option(
        "--smtp-from", metavar="ADDRESS", callback=_check_sender, help="Sender of the e-mail, as fotapool@example.com."
    ),
    click.option(
        "--smtp-timeout-s",
        default=10,
        type=click.IntRange(1, 30),
        help="Seconds that the SMTP server may take for one e-mail.",
    ),
)
