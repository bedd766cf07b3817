"""Static files: the stylesheet, the scripts, the icons, the font and the vendored libraries."""

from __future__ import annotations

import gzip
import hashlib
from importlib.resources import files

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from fotapool.console.identity.sessions import PATH

TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
}
COMPRESSED_TYPES = (".css", ".js", ".svg")
_IMMUTABLE = "public, max-age=31536000, immutable"


class Assets:
    """Serves the static files from memory, compressed where that helps and the browser accepts it.

    Their URLs contain a hash of all files, so that browsers can cache them.
    """

    def __init__(self) -> None:
        root = files("fotapool.console") / "static"
        self._contents: dict[str, bytes] = {}
        for folder, prefix in ((root, ""), (root / "vendor", "vendor/")):
            for file in folder.iterdir():
                if any(file.name.endswith(ending) for ending in TYPES):
                    self._contents[prefix + file.name] = file.read_bytes()
        self._compressed = {
            name: gzip.compress(content, mtime=0)
            for name, content in self._contents.items()
            if name.endswith(COMPRESSED_TYPES)
        }
        digest = hashlib.sha256(b"".join(content for _, content in sorted(self._contents.items())))
        self._version = digest.hexdigest()[:12]

    def url(self, name: str) -> str:
        """The URL of a file. Raises KeyError if there is no such file."""
        if name not in self._contents:
            raise KeyError(name)
        return f"{PATH}/static/{self._version}/{name}"

    async def serve(self, request: Request) -> Response:
        """The file in the path, or 404."""
        name = request.path_params["name"]
        content = self._contents.get(name)
        if content is None:
            return PlainTextResponse("no such file\n", 404)
        is_current = request.path_params["version"] == self._version
        headers = {"Cache-Control": _IMMUTABLE if is_current else "no-cache", "X-Content-Type-Options": "nosniff"}
        if name in self._compressed:
            headers["Vary"] = "Accept-Encoding"
            if "gzip" in request.headers.get("accept-encoding", ""):
                headers["Content-Encoding"] = "gzip"
                content = self._compressed[name]
        return Response(content, headers=headers, media_type=TYPES[name[name.rindex(".") :]])
