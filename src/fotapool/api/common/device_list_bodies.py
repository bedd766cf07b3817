"""Reads request bodies: the device lists, and their limits."""

from __future__ import annotations

from typing import Any

import msgspec

from fotapool.domain.errors import ErrorCode, RequestRejected
from fotapool.domain.licenses.candidates import is_append
from fotapool.domain.names import MAX_OFFENDERS, is_device_id, parse_device_ids


class DeviceListBody(msgspec.Struct):
    """The body of assign and remove."""

    deviceList: list[str] | None = None


class CandidatesBody(msgspec.Struct):
    """The body that creates a candidate list; `count` is informational (v2 page, "Request Body")."""

    deviceList: list[str] | None = None
    type: str | None = None
    count: int | None = None


class _AnyList(msgspec.Struct):
    """What tells a list with entries that are no strings, as a number is, from a body of another shape."""

    deviceList: list[Any]


class _AnyCandidates(_AnyList):
    type: str | None = None
    count: int | None = None


Decoders = tuple[msgspec.json.Decoder[Any], msgspec.json.Decoder[Any]]
_device_list: Decoders = msgspec.json.Decoder(DeviceListBody), msgspec.json.Decoder(_AnyList)
_candidates: Decoders = msgspec.json.Decoder(CandidatesBody), msgspec.json.Decoder(_AnyCandidates)


def _decode(decoders: Decoders, body: bytes) -> Any:
    exact, loose = decoders
    try:
        try:
            return exact.decode(body)
        except msgspec.ValidationError:
            return loose.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        raise RequestRejected(ErrorCode.BODY_INVALID) from error


def _checked(document: Any, limit: int) -> tuple[list[str], list[int]]:
    given = document.deviceList
    if not given:
        raise RequestRejected(ErrorCode.DEVICE_LIST_EMPTY)
    if len(given) > limit:
        raise RequestRejected(ErrorCode.DEVICE_LIST_TOO_LONG)
    if isinstance(document, _AnyList):
        offenders = [entry for entry in given if not (isinstance(entry, str) and is_device_id(entry))]
        raise RequestRejected(
            ErrorCode.DEVICE_ID_INVALID, offenders=[_as_text(entry) for entry in offenders[:MAX_OFFENDERS]]
        )
    return given, parse_device_ids(given)


def _as_text(entry: Any) -> str:
    return entry if isinstance(entry, str) else msgspec.json.encode(entry).decode()


def read_device_list(body: bytes, limit: int) -> tuple[list[str], list[int]]:
    """The device ids as they were sent and as numbers.

    Raises RequestRejected: BODY_INVALID, DEVICE_LIST_EMPTY, DEVICE_LIST_TOO_LONG or DEVICE_ID_INVALID.
    """
    return _checked(_decode(_device_list, body), limit)


def read_candidates(body: bytes, limit: int) -> tuple[list[int], bool]:
    """The device ids and whether to append them. Raises as `read_device_list`, and TYPE_INVALID."""
    document = _decode(_candidates, body)
    append = is_append(document.type)
    return _checked(document, limit)[1], append
