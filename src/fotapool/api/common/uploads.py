"""Reads a multipart/form-data body as a stream: the file in chunks, the short fields as text."""

from __future__ import annotations

from collections.abc import AsyncIterator

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from fotapool.domain.errors import ErrorCode, RequestRejected
from fotapool.web.http import MAX_CONTENT_TYPE

MAX_PARTS = 20
MAX_FIELD_BYTES = 16 * 1024
"""The limit of a field that is not the file."""
MAX_FORM_BYTES = 256 * 1024
"""How much longer than the limit of a file a body may be."""


class UploadForm:
    """One form. `content` reads it; `fields` and `upload_name` are complete afterwards.

    Methods raise RequestRejected(FILE_INVALID) for a body that is no such form, is cut off, or has two files.
    """

    def __init__(self, content_type: str, file_field: str) -> None:
        media_type, options = parse_options_header(content_type[:MAX_CONTENT_TYPE])
        boundary = options.get(b"boundary", b"")
        if media_type != b"multipart/form-data":
            raise RequestRejected(ErrorCode.FILE_INVALID, "the body must be multipart/form-data")
        if not boundary:
            raise RequestRejected(ErrorCode.FILE_INVALID, "the Content-Type must name the boundary of the parts")
        self.fields: dict[str, str] = {}
        self.upload_name: str | None = None
        self._file_field = file_field
        self._parts = 0
        self._ended = False
        self._header = b""
        self._value = b""
        self._headers: dict[bytes, bytes] = {}
        self._field: str | None = None
        self._text = bytearray()
        self._chunks: list[bytes] = []
        try:
            self._parser = MultipartParser(
                boundary,
                {
                    "on_part_begin": self._begin,
                    "on_part_data": self._data,
                    "on_part_end": self._end_part,
                    "on_header_field": self._on_header,
                    "on_header_value": self._on_value,
                    "on_header_end": self._on_header_end,
                    "on_headers_finished": self._on_headers,
                    "on_end": self._end,
                },
            )
        except FormParserError as error:
            raise RequestRejected(ErrorCode.FILE_INVALID, str(error)) from error

    async def content(self, body: AsyncIterator[bytes], limit_bytes: int) -> AsyncIterator[bytes]:
        """The file's content in chunks. Raises RequestRejected(FILE_TOO_LARGE) if the body exceeds the limit."""
        size = 0
        async for chunk in body:
            size += len(chunk)
            if size > limit_bytes + MAX_FORM_BYTES:
                raise RequestRejected(ErrorCode.FILE_TOO_LARGE)
            try:
                self._parser.write(chunk)
            except FormParserError as error:
                raise RequestRejected(ErrorCode.FILE_INVALID, str(error)) from error
            chunks, self._chunks = self._chunks, []
            for found in chunks:
                yield found
        if not self._ended:
            raise RequestRejected(ErrorCode.FILE_INVALID, "the body is cut off")

    def _begin(self) -> None:
        self._parts += 1
        if self._parts > MAX_PARTS:
            raise RequestRejected(ErrorCode.FILE_INVALID, f"the form has more than {MAX_PARTS} parts")
        self._headers = {}
        self._field = None
        self._text.clear()

    def _on_header(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _on_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _on_header_end(self) -> None:
        self._headers[self._header.lower()] = self._value
        self._header = self._value = b""

    def _on_headers(self) -> None:
        _, options = parse_options_header(self._headers.get(b"content-disposition", b""))
        self._field = _text(options.get(b"name", b""))
        if self._field == self._file_field:
            if self.upload_name is not None:
                raise RequestRejected(ErrorCode.FILE_INVALID, f"the form has two parts {self._file_field}")
            self.upload_name = _text(options.get(b"filename", b""))

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._field == self._file_field:
            self._chunks.append(bytes(data[start:end]))
            return
        self._text += data[start:end]
        if len(self._text) > MAX_FIELD_BYTES:
            raise RequestRejected(ErrorCode.FILE_INVALID, f"a field has more than {MAX_FIELD_BYTES} bytes")

    def _end_part(self) -> None:
        if self._field is not None and self._field != self._file_field:
            self.fields[self._field] = _text(bytes(self._text))

    def _end(self) -> None:
        self._ended = True


def _text(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise RequestRejected(ErrorCode.FILE_INVALID, "a field of the form is not UTF-8") from error
