"""Operations on the content of packages: what devices download."""

from __future__ import annotations

import msgspec
from starlette.responses import Response

from fotapool.domain.errors import ErrorCode, NotFound, RequestRejected
from fotapool.operator_api.requests import OperatorCall, OperatorOperation, answer
from fotapool.services.packages import contents
from fotapool.store.packages.contents import Content

OCTETS = "application/octet-stream"


class ContentView(msgspec.Struct):
    """`size` in octets; `sha256` in hexadecimal."""

    firmwareName: str
    size: int
    sha256: str


def _view(name: str, content: Content) -> ContentView:
    return ContentView(name, content.size, content.sha256)


async def set_content(call: OperatorCall) -> Response:
    name = call.request.path_params["firmware"]
    length = call.request.headers.get("content-length", "0")
    if length.isascii() and length.isdigit() and int(length) > call.context.settings.max_file_bytes:
        raise RequestRejected(ErrorCode.FILE_TOO_LARGE)
    return answer(_view(name, await contents.set_package_content(call.context, name, call.request.stream())))


async def read_content(call: OperatorCall) -> Response:
    name = call.request.path_params["firmware"]
    content = await contents.package_content(call.context, name)
    if content is None:
        raise NotFound(f"package {name[:100]} has no content; send it by PUT")
    return answer(_view(name, content))


OPERATIONS = (
    OperatorOperation(
        name="set_content",
        method="PUT",
        path="/firmware/{firmware}/content",
        handle=set_content,
        summary="Give a package the content that devices download, as raw bytes",
        response=ContentView,
        request=bytes,
        consumes=(OCTETS,),
    ),
    OperatorOperation(
        name="read_content",
        method="GET",
        path="/firmware/{firmware}/content",
        handle=read_content,
        summary="Read size and checksum of a package's content",
        response=ContentView,
    ),
)
