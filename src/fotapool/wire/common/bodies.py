"""Reads request bodies: the device lists, and their limits."""

from __future__ import annotations

from typing import Any

import msgspec

from fotapool.domain.errors import Refusal, Refused
from fotapool.domain.names import MAX_OFFENDERS, parse_device_ids

MAX_SHOWN = 40
"""How many characters of a malformed device id an error repeats."""


class DeviceListBody(msgspec.Struct):
    """The body of assign and remove."""

    deviceList: list[str] | None = None


class CandidatesBody(msgspec.Struct):
    """The body that creates a candidate list; `count` is informational (v2 page, "Request Body")."""

    deviceList: list[str] | None = None
    type: str | None = None
    count: int | None = None


_device_list = msgspec.json.Decoder(DeviceListBody)
_candidates = msgspec.json.Decoder(CandidatesBody)


def _decode(decoder: msgspec.json.Decoder[Any], body: bytes) -> Any:
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        raise _why_invalid(body) from error
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        raise Refused(Refusal.BODY_INVALID) from error


def _why_invalid(body: bytes) -> Refused:
    """Tells entries that are no strings, as a number is, from a body of another shape."""
    try:
        document = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return Refused(Refusal.BODY_INVALID)
    given = document.get("deviceList") if isinstance(document, dict) else None
    if isinstance(given, list) and not all(isinstance(entry, str) for entry in given):
        offenders = [msgspec.json.encode(entry).decode()[:MAX_SHOWN] for entry in given if not isinstance(entry, str)]
        return Refused(Refusal.DEVICE_ID_INVALID, offenders=offenders[:MAX_OFFENDERS])
    return Refused(Refusal.BODY_INVALID)


def _checked(given: list[str] | None, limit: int) -> tuple[list[str], list[int]]:
    if not given:
        raise Refused(Refusal.DEVICE_LIST_EMPTY)
    if len(given) > limit:
        raise Refused(Refusal.DEVICE_LIST_TOO_LONG)
    return given, parse_device_ids(given)


def read_device_list(body: bytes, limit: int) -> tuple[list[str], list[int]]:
    """The device ids as they were sent and as numbers.

    Raises Refused: BODY_INVALID, DEVICE_LIST_EMPTY, DEVICE_LIST_TOO_LONG or DEVICE_ID_INVALID.
    """
    return _checked(_decode(_device_list, body).deviceList, limit)


def read_candidates(body: bytes, limit: int) -> tuple[list[int], str | None]:
    """The device ids and the `type`. Raises as `read_device_list`."""
    document = _decode(_candidates, body)
    return _checked(document.deviceList, limit)[1], document.type
