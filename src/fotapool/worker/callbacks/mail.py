"""Sends messages about alerts as e-mail, with aiosmtplib: one connection a message, within a deadline."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime

import aiosmtplib

from fotapool.core.settings import Settings, SmtpSecurity
from fotapool.domain.accounts.alerts.messages import mail_of
from fotapool.domain.accounts.alerts.rules import MAIL
from fotapool.worker.callbacks.deliveries import SendResult

MAX_STORED = 1024
"""How many characters of an SMTP server's answer are stored."""
NO_SERVER = "no SMTP server is set (--smtp-host, --smtp-from)"


class MailSender:
    """A Sender (deliveries.py) to addresses such as `mailto:night-shift@example.com`.

    The status of its results is the reply code of SMTP; as with HTTP, 2xx is success.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    async def send(self, url: str, headers: Mapping[str, str], body: bytes) -> SendResult:
        """Sends the message; failures of the server or the network are in the result."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        status, error, answer = await self._send(url.removeprefix(MAIL), headers.get("webhook-id", ""), body)
        took_ms = round((loop.time() - began) * 1000)
        return SendResult(status, error[:MAX_STORED], answer.replace("\x00", "")[:MAX_STORED], took_ms)

    async def _send(self, address: str, message_id: str, body: bytes) -> tuple[int | None, str, str]:
        """The reply code, the error if there was no reply, and the text of the reply."""
        settings = self._settings
        if not settings.sends_mail:
            return None, NO_SERVER, ""
        message = self._message(address, message_id, body)
        try:
            async with asyncio.timeout(settings.smtp_timeout_s):
                _, answer = await aiosmtplib.send(
                    message,
                    hostname=settings.smtp_host,
                    port=settings.smtp_port,
                    username=settings.smtp_username,
                    password=settings.smtp_password,
                    use_tls=settings.smtp_security is SmtpSecurity.TLS,
                    start_tls=settings.smtp_security is SmtpSecurity.STARTTLS,
                    timeout=settings.smtp_timeout_s,
                )
            return 250, "", answer
        except aiosmtplib.SMTPRecipientsRefused as refused:
            first = refused.recipients[0]
            return first.code, "", first.message
        except aiosmtplib.SMTPResponseException as refused:
            return refused.code, "", refused.message
        except TimeoutError:
            return None, f"no answer of the SMTP server within {settings.smtp_timeout_s} seconds", ""
        except (aiosmtplib.SMTPException, OSError, ValueError) as problem:
            return None, str(problem) or type(problem).__name__, ""

    def _message(self, address: str, message_id: str, body: bytes) -> EmailMessage:
        """The e-mail. Its id is that of the message, so that a mail sent again can be recognized."""
        sender = self._settings.smtp_from or ""
        message = EmailMessage()
        message["From"] = sender
        message["To"] = address
        message["Subject"], text, at_ms = mail_of(body)
        message["Date"] = format_datetime(datetime.fromtimestamp(at_ms / 1000, UTC))
        message["Message-ID"] = f"<{message_id}@{sender.rpartition('@')[2].strip('<> ')}>"
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(text)
        return message
