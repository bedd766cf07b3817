"""The log says which callbacks failed, which were given up, and which targets were denied."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import pytest
from delivering import AWARE, FIVE_MINUTES, clock_of, delivering, happen, listening, within

from fotapool.core.logs.events import LogEvent
from fotapool.domain.callbacks import RETRIES
from fotapool.services.context import Context
from support.log_lines import LogLines
from support.receivers import Reply, running_receiver

OpenContext = Callable[[], AbstractAsyncContextManager[Context]]
DEAD = "http://127.0.0.1:1/?token=query-secret"


def test_a_callback_that_is_given_up_is_a_line(open_context: OpenContext, caplog: pytest.LogCaptureFixture) -> None:
    lines = LogLines(caplog)

    async def play() -> None:
        async with open_context() as context, delivering(context) as deliveries:
            caller = await listening(context, "deaf", DEAD)
            await happen(context, caller, 1)
            for _ in range(RETRIES + 1):
                await deliveries.deliver_due()
                clock_of(context).move_to(context.clock.now_ms() + FIVE_MINUTES)

    within(play())
    assert [line["attempts"] for line in lines.of(LogEvent.CALLBACK_FAILED)] == [1, 2, 3]
    (line,) = lines.of(LogEvent.CALLBACK_GIVEN_UP)
    assert (line["level"], line["account"], line["listener"], line["attempts"]) == ("error", "deaf", AWARE, RETRIES + 1)
    assert "Cannot connect to host 127.0.0.1:1" in line["reason"]
    assert "secret" not in lines.text


def test_the_reason_is_the_status_of_the_answer(open_context: OpenContext, caplog: pytest.LogCaptureFixture) -> None:
    lines = LogLines(caplog)

    async def play() -> None:
        with running_receiver() as receiver:
            async with open_context() as context, delivering(context) as deliveries:
                receiver.replies.append(Reply(500))
                await happen(context, await listening(context, "grumpy", receiver.url), 1)
                await deliveries.deliver_due()

    within(play())
    assert [line["reason"] for line in lines.of(LogEvent.CALLBACK_FAILED)] == ["status 500"]
    assert lines.of(LogEvent.CALLBACK_TARGET_DENIED) == []


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_denied_target_is_a_line(open_context: OpenContext, caplog: pytest.LogCaptureFixture, host: str) -> None:
    lines = LogLines(caplog)

    async def play() -> None:
        async with open_context() as context, delivering(context, private=False) as deliveries:
            await happen(context, await listening(context, "inside", f"https://{host}:1/"), 1)
            await deliveries.deliver_due()

    within(play())
    (line,) = lines.of(LogEvent.CALLBACK_TARGET_DENIED)
    assert line["reason"].startswith(f"callbacks may not go to {host}")
