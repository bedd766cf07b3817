"""Reads the bodies that register callback listeners."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

import msgspec

from fotapool.domain.callbacks import MAX_CREDENTIAL, MAX_URL
from fotapool.domain.errors import ErrorCode, RequestRejected

_URL = {"pattern": "^https?://[A-Za-z0-9-]+(\\.[A-Za-z0-9-]+)*(:[1-9][0-9]{0,3})?(/[!-~]*)?$", "maxLength": MAX_URL}
_CREDENTIAL = {"pattern": "^[^\\u0000]*$", "maxLength": MAX_CREDENTIAL}
Url = Annotated[str, msgspec.Meta(extra_json_schema=_URL, examples=["https://receiver.example/fota"])]
Credential = Annotated[str, msgspec.Meta(extra_json_schema=_CREDENTIAL)]
Service = Annotated[str, msgspec.Meta(extra_json_schema={"pattern": "^[Ff][Oo][Tt][Aa]$"}, examples=["Fota"])]


class CallbackUrlBody(msgspec.Struct):
    """The body that registers a URL; where it changes one, a page calls the member `callback` (facts, D17)."""

    json_schema: ClassVar[dict[str, Any]] = {"oneOf": [{"required": ["url"]}, {"required": ["callback"]}]}

    url: Url | msgspec.UnsetType = msgspec.UNSET
    callback: Url | msgspec.UnsetType = msgspec.UNSET


class CallbackServiceBody(msgspec.Struct):
    """The body that registers a callback service by its name."""

    json_schema: ClassVar[dict[str, Any]] = {"required": ["name", "url"]}

    name: Service | msgspec.UnsetType = msgspec.UNSET
    url: Url | msgspec.UnsetType = msgspec.UNSET
    username: Credential | None = None
    password: Credential | None = None


_url = msgspec.json.Decoder(CallbackUrlBody)
_service = msgspec.json.Decoder(CallbackServiceBody)


def read_callback_url(body: bytes) -> str:
    """Raises RequestRejected: BODY_INVALID, or URL_INVALID if there is none or one in each member."""
    try:
        found = _url.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        raise RequestRejected(ErrorCode.BODY_INVALID) from error
    given = [url for url in (found.url, found.callback) if url is not msgspec.UNSET]
    if len(given) != 1:
        raise RequestRejected(ErrorCode.URL_INVALID)
    return given[0]


def read_callback_service(body: bytes) -> CallbackServiceBody:
    """Raises RequestRejected(BODY_INVALID)."""
    try:
        return _service.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        raise RequestRejected(ErrorCode.BODY_INVALID) from error
