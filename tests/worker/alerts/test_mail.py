"""Alerts by e-mail, sent to a real SMTP server on loopback."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import Message
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

from fotapool.core.settings import Settings, SmtpSecurity
from fotapool.domain.accounts.alerts.messages import encode_message
from fotapool.domain.callbacks import AlertMessage
from fotapool.worker.callbacks.deliveries import SendResult
from fotapool.worker.callbacks.lazy import LazySender
from fotapool.worker.callbacks.mail import NO_SERVER
from support.helpers import NOW_MS

pytestmark = pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
BODY = encode_message(AlertMessage("alerts.test", NOW_MS, {"name": "Nearly full"}, ()))


@dataclass
class Inbox:
    """The e-mails that came in; `reply` is sent instead of accepting them."""

    mails: list[tuple[list[str], Message]] = field(default_factory=list)
    reply: str = "250 OK: queued as 1"

    async def handle_DATA(self, _: Any, __: Any, envelope: Any) -> str:  # noqa: N802 - the name is that of aiosmtpd
        self.mails.append((envelope.rcpt_tos, message_from_bytes(envelope.content)))
        return self.reply


def _authenticate(*args: Any) -> AuthResult:
    given = args[-1]
    expected = LoginPassword(b"fotapool", b"secret")
    return AuthResult(success=given == expected, handled=False)


class AnyPort(Controller):
    """A server on a free port, which it knows when it listens."""

    def _trigger_server(self) -> None:
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


@pytest.fixture
def inbox() -> Iterator[tuple[Inbox, int]]:
    found = Inbox()
    options: dict[str, Any] = {"authenticator": _authenticate, "auth_required": True, "auth_require_tls": False}
    controller = AnyPort(found, hostname="127.0.0.1", port=0, **options)
    controller.start()
    yield found, controller.port
    controller.stop()


def send(port: int, **given: Any) -> SendResult:
    values: dict[str, Any] = {
        "smtp_host": "127.0.0.1",
        "smtp_port": port,
        "smtp_security": SmtpSecurity.NONE,
        "smtp_username": "fotapool",
        "smtp_password": "secret",
        "smtp_from": "fotapool <fotapool@example.com>",
        **given,
    }
    sender = LazySender(Settings(**values))
    return asyncio.run(sender.send("mailto:night-shift@example.com", {"webhook-id": "msg_1"}, BODY))


def test_a_message_arrives(inbox: tuple[Inbox, int]) -> None:
    found, port = inbox
    result = send(port)
    assert (result.status, result.error) == (250, "")
    ((recipients, mail),) = found.mails
    assert recipients == ["night-shift@example.com"]
    shown = {name: mail[name] for name in ("From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted")}
    assert shown == {
        "From": "fotapool <fotapool@example.com>",
        "To": "night-shift@example.com",
        "Subject": "[fotapool] Test of Nearly full",
        "Date": "Tue, 10 Mar 2026 12:00:00 +0000",
        "Message-ID": "<msg_1@example.com>",
        "Auto-Submitted": "auto-generated",
    }
    assert mail.get_payload().strip() == "This is a test message of the alert rule Nearly full."


@pytest.mark.parametrize("reply", ["550 no such user", "451 try again later"])
def test_a_refusal_is_the_status_of_the_attempt(inbox: tuple[Inbox, int], reply: str) -> None:
    inbox[0].reply = reply
    result = send(inbox[1])
    assert f"{result.status} {result.answer}" == reply


def test_a_wrong_password_is_not_in_the_result(inbox: tuple[Inbox, int]) -> None:
    result = send(inbox[1], smtp_password="another")
    assert result.status == 535
    assert "another" not in repr(result)


def test_a_server_without_tls_is_not_used_when_tls_is_wanted(inbox: tuple[Inbox, int]) -> None:
    result = send(inbox[1], smtp_security=SmtpSecurity.STARTTLS)
    assert result.status is None
    assert "STARTTLS" in result.error
    assert inbox[0].mails == []


def test_a_server_that_says_nothing_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        result = send(silent.getsockname()[1], smtp_timeout_s=1)
    assert result.status is None
    assert result.error != ""


def test_without_a_server_the_attempt_says_so() -> None:
    assert send(1, smtp_host=None).error == NO_SERVER
