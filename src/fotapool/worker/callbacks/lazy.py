"""Creates the senders with their first message, since the HTTP library takes a quarter of a second to import."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING

from fotapool.core.settings import Settings
from fotapool.domain.accounts.alerts.rules import MAIL
from fotapool.worker.callbacks.deliveries import Sender, SendResult

if TYPE_CHECKING:
    from fotapool.worker.callbacks.sender import HttpSender


class LazySender:
    """A Sender (deliveries.py) to URLs and e-mail addresses. Close it on the event loop that uses it."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._http: HttpSender | None = None

    async def send(self, url: str, headers: Mapping[str, str], body: bytes) -> SendResult:
        """Sends the message; failures of the receiver or the network are in the result."""
        if url.startswith(MAIL):
            sender = await asyncio.to_thread(_mail_sender, self._settings)
            return await sender.send(url, headers, body)
        if self._http is None:
            made = await asyncio.to_thread(_http_sender_class)
            allowed = self._settings.private_targets_allowed
            self._http = self._http or made(self._settings.callback_timeout_s, allowed)
        return await self._http.send(url, headers, body)

    async def close(self) -> None:
        if self._http is not None:
            await self._http.close()


def _http_sender_class() -> type[HttpSender]:
    from fotapool.worker.callbacks.sender import HttpSender

    return HttpSender


def _mail_sender(settings: Settings) -> Sender:
    from fotapool.worker.callbacks.mail import MailSender

    return MailSender(settings)
