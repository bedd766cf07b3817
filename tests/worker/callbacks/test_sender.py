"""The sender follows no redirects, reads no endless answers, waits for nobody and goes nowhere it may not."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from datetime import datetime, tzinfo
from typing import Any

import pytest
import standardwebhooks.webhooks
import trustme
from aiohttp.abc import ResolveResult
from standardwebhooks import Webhook, WebhookVerificationError

from fotapool import __version__
from fotapool.worker.callbacks import sender as module
from fotapool.worker.callbacks.addresses import AddressRefused, CheckedResolver
from fotapool.worker.callbacks.deliveries import SendResult
from fotapool.worker.callbacks.sender import MAX_RESPONSE_BYTES, HttpSender
from fotapool.worker.callbacks.signing import sign
from support.helpers import NOW_MS
from support.receivers import Reply, running_receiver

BODY = b'{"type": "test"}'


def sent(url: str, timeout_s: float = 10, private: bool = True, count: int = 1) -> list[SendResult]:
    async def play() -> list[SendResult]:
        sender = HttpSender(timeout_s, private)
        try:
            return [await sender.send(url, {"webhook-id": "msg_1"}, BODY) for _ in range(count)]
        finally:
            await sender.close()

    return asyncio.run(play())


def test_a_callback_is_a_json_post_with_our_name_on_it() -> None:
    with running_receiver() as receiver:
        (result,) = sent(receiver.url)
        assert (result.status, result.error, result.answer) == (200, "", "")
        (request,) = receiver.seen
        assert (request.path, request.body) == ("/callbacks", BODY)
        expected = {
            "content-type": "application/json",
            "user-agent": f"fotapool/{__version__}",
            "webhook-id": "msg_1",
            "accept-encoding": "identity",
        }
        assert expected.items() <= request.headers.items()


def test_a_redirect_is_not_followed() -> None:
    with running_receiver() as receiver, running_receiver() as elsewhere:
        receiver.replies.append(Reply(307, headers=(("Location", elsewhere.url),)))
        (result,) = sent(receiver.url)
        assert result.status == 307
        assert elsewhere.seen == []


def test_of_a_huge_answer_only_the_beginning_is_read_and_the_status_counts() -> None:
    with running_receiver() as receiver:
        receiver.replies.extend([Reply(200, b"x" * 20_000_000), Reply(200, b"y" * (MAX_RESPONSE_BYTES - 1))])
        huge, large, small = sent(receiver.url, count=3)
        assert (huge.status, huge.answer) == (200, "x" * 1024)
        assert (large.status, large.answer) == (200, "y" * 1024)
        assert small.status == 200


def test_of_an_answer_that_does_not_end_the_status_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RESPONSE_S", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            connection, _ = server.accept()
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf an answ")
            while connection.recv(65536):  # until the sender hangs up
                pass
            connection.close()

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        (result,) = sent(f"http://127.0.0.1:{server.getsockname()[1]}/")
        thread.join()
        assert (result.status, result.answer) == (200, "half an answ")


def test_what_an_answer_says_can_be_stored_whatever_it_is() -> None:
    with running_receiver() as receiver:
        receiver.replies.append(Reply(500, b"a\x00b\xff"))
        (result,) = sent(receiver.url)
        assert result.answer == "a\ufffdb\ufffd"


def test_a_receiver_that_does_not_answer_in_time_has_failed() -> None:
    never = threading.Event()
    with running_receiver() as receiver:
        receiver.replies.append(Reply(wait=never))
        (result,) = sent(receiver.url, timeout_s=0.05)
        never.set()
        assert (result.status, result.error) == (None, "no answer within 0.05 seconds")


def test_a_receiver_that_is_not_there_has_failed() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    for url in (f"http://127.0.0.1:{port}/", f"https://localhost:{port}/", "http://no.such.name.invalid/"):
        (result,) = sent(url)
        assert result.status is None
        assert result.error


def test_a_certificate_that_nobody_knows_is_refused() -> None:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(tls)
    with running_receiver(tls) as receiver:
        (result,) = sent(receiver.url)
        assert result.status is None
        assert "certificate" in result.error.lower()
        assert receiver.seen == []


def test_what_is_no_http_has_failed() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            connection, _ = server.accept()
            connection.recv(65536)
            connection.sendall(b"220 mail.example ESMTP\r\n")
            connection.close()

        threading.Thread(target=answer, daemon=True).start()
        (result,) = sent(f"http://127.0.0.1:{server.getsockname()[1]}/")
        assert result.status is None
        assert result.error


def test_a_kept_connection_that_was_closed_is_replaced_at_once() -> None:
    with running_receiver() as receiver:
        receiver.replies.extend([Reply(), Reply(drop=True), Reply(201), Reply(close_after=True)])
        results = sent(receiver.url, count=4)
        assert [one.status for one in results] == [200, 201, 200, 200]
        assert len(receiver.seen) == 5


def test_a_new_connection_that_is_closed_has_failed() -> None:
    with running_receiver() as receiver:
        receiver.replies.append(Reply(drop=True))
        (result,) = sent(receiver.url)
        assert result.status is None
        assert len(receiver.seen) == 1


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.1", "0177.0.0.1", "2130706433", "[::ffff:127.0.0.1]"])
def test_private_addresses_are_refused_where_they_are_not_allowed(host: str) -> None:
    with running_receiver() as receiver:
        url = receiver.url.replace("127.0.0.1", host, 1)
        (result,) = sent(url, private=False)
        assert result.status is None
        assert "callbacks may not go to" in result.error
        assert receiver.seen == []


def test_a_proxy_of_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    with running_receiver() as receiver, running_receiver() as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        assert sent(receiver.url)[0].status == 200
        assert (len(receiver.seen), proxy.seen) == (1, [])


def resolved(monkeypatch: pytest.MonkeyPatch, addresses: list[str], private: bool) -> list[str]:
    def look_up(*_: Any, **__: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 443)) for address in addresses]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)

    async def play() -> list[ResolveResult]:
        resolver = CheckedResolver(private)
        try:
            return await resolver.resolve("receiver.example", 443)
        finally:
            await resolver.close()

    return [one["host"] for one in asyncio.run(play())]


def test_a_name_is_connected_to_at_the_addresses_that_were_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    assert resolved(monkeypatch, ["93.184.215.14", "1.1.1.1"], private=False) == ["93.184.215.14", "1.1.1.1"]
    assert resolved(monkeypatch, ["10.0.0.1"], private=True) == ["10.0.0.1"]
    with pytest.raises(AddressRefused):
        resolved(monkeypatch, ["93.184.215.14", "10.0.0.1"], private=False)


def test_the_library_verifies_our_signature(monkeypatch: pytest.MonkeyPatch) -> None:
    secret, at_s = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", NOW_MS // 1000

    class Stopped(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Stopped:
            return cls.fromtimestamp(at_s, tz)

    monkeypatch.setattr(standardwebhooks.webhooks, "datetime", Stopped)
    signature = sign(secret, "msg_1", at_s, BODY)
    headers = {"webhook-id": "msg_1", "webhook-timestamp": str(at_s), "webhook-signature": signature}
    assert Webhook(secret).verify(BODY, headers) == {"type": "test"}
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(BODY + b" ", headers)
