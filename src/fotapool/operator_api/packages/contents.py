"""Operations on the content of packages: what devices download."""

from __future__ import annotations

import msgspec

from fotapool.domain.errors import ErrorCode, NotFound, RequestRejected
from fotapool.operator_api.calls import OperatorCall
from fotapool.services.packages import contents
from fotapool.store.packages.contents import Content
from fotapool.web.operations import Operation


class ContentView(msgspec.Struct):
    """`size` in bytes; `sha256` in hexadecimal. `lost` is there, and true, if the storage lacks it or a part of it."""

    firmwareName: str
    size: int
    sha256: str
    lost: bool | msgspec.UnsetType = msgspec.UNSET


def _view(name: str, content: Content, lost: bool = False) -> ContentView:
    return ContentView(name, content.size, content.sha256, lost or msgspec.UNSET)


async def set_content(call: OperatorCall) -> ContentView:
    """Give a package the content that devices download, as raw bytes."""
    name = call.path["firmware"]
    if call.declared_bytes > call.context.settings.max_file_bytes:
        raise RequestRejected(ErrorCode.FILE_TOO_LARGE)
    return _view(name, await contents.set_package_content(call.context, name, call.request.stream()))


async def read_content(call: OperatorCall) -> ContentView:
    """Read size and checksum of a package's content."""
    name = call.path["firmware"]
    content = await contents.package_content(call.context, name)
    if content is None:
        raise NotFound(f"package {name[:100]} has no content; send it by PUT")
    return _view(name, content, await contents.is_content_lost(call.context, content))


_PATH = "/firmware/{firmware}/content"
OPERATIONS = (
    Operation("PUT", _PATH, set_content, reads=bytes, consumes={"application/octet-stream": {"schema": {}}}),
    Operation("GET", _PATH, read_content),
)
