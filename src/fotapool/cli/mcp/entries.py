"""What is documented, as entries to search: errors with advice, results of rows, all operations."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import msgspec

from fotapool.api.common.errors import GATEWAY_ERRORS, MESSAGES, OWN_MESSAGES, error_response
from fotapool.api.v2.licenses import LABELS
from fotapool.app import build_openapi_document
from fotapool.cli.mcp.answers import Json
from fotapool.domain.errors import ErrorCode, RequestRejected
from fotapool.domain.licenses.licenses import Outcome
from fotapool.emulator.advice import OUTCOME_ADVICE, plain_advice
from fotapool.web.openapi.shapes import describe_schema

TITLE_WEIGHT = 3
WORD = re.compile(r"[a-z0-9]+")


class Entry(msgspec.Struct, frozen=True):
    """An error, a result or an operation. `title` is what a client sees of it: the message, or the path."""

    kind: str
    title: str
    text: str

    def score(self, words: set[str]) -> int:
        """How well it matches: words of the title count more."""
        title, text = (set(WORD.findall(part.lower())) for part in (self.title, self.text))
        return TITLE_WEIGHT * len(words & title) + len(words & text)


@cache
def entries() -> tuple[Entry, ...]:
    """All that can be found."""
    return (*_errors(), *_outcomes(), *_operations(build_openapi_document(True)))


def _errors() -> Iterator[Entry]:
    for code in ErrorCode:
        if code not in MESSAGES and code not in GATEWAY_ERRORS:
            continue
        answer = error_response(RequestRejected(code, "NAME"), "/fota/v3", 1)
        others = [f"{context[-2:]}: {own[code]}" for context, own in OWN_MESSAGES.items() if code in own]
        text = [f"Cause: {code.value}.", plain_advice(code, is_session_api=False, names={})]
        yield Entry(
            kind=f"error, HTTP {answer.status}",
            title="; ".join([MESSAGES.get(code, code.value).format(detail="NAME"), *others]),
            text="\n".join([*text, f"Answer: {answer.body.decode()}"]),
        )


def _outcomes() -> Iterator[Entry]:
    for outcome in Outcome:
        title = f"Reason of a device's row: {LABELS[outcome][1]}"
        yield Entry("result of assign or remove", title, f"Means: {outcome.value}.\n{OUTCOME_ADVICE[outcome]}")


def _operations(document: Json) -> Iterator[Entry]:
    components = document["components"]["schemas"]
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            lines = [f"{operation['summary']}.", operation.get("description", "")]
            lines += [
                f"{one['in']} {one['name']}: {one.get('description', '')}".rstrip(": ")
                for one in operation.get("parameters", ())
            ]
            lines += _body("Takes", operation.get("requestBody", {}), components)
            for status, answer in operation["responses"].items():
                if status < "300":
                    lines += _body(f"Answers {status}", answer, components)
            yield Entry("operation", f"{method.upper()} {path}", "\n".join(line for line in lines if line))


def _body(label: str, described: Json, components: dict[str, Any]) -> Iterator[str]:
    for media_type, content in described.get("content", {}).items():
        shape = describe_schema(content.get("schema", {}), components)
        yield from f"{label} {media_type}: {shape}".split("\n")
