"""The files that the pages load: style, scripts, and the libraries that the package ships."""

from __future__ import annotations

import hashlib
from importlib.resources import files

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from fotapool.console.identity.sessions import PATH

TYPES = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}
_LONG = "public, max-age=31536000, immutable"


class Assets:
    """All of them in memory, under a path that has a hash of what they are, so that browsers may keep them."""

    def __init__(self) -> None:
        root = files("fotapool.console") / "static"
        self._contents: dict[str, bytes] = {}
        for folder, prefix in ((root, ""), (root / "vendor", "vendor/")):
            for file in folder.iterdir():
                if any(file.name.endswith(ending) for ending in TYPES):
                    self._contents[prefix + file.name] = file.read_bytes()
        digest = hashlib.sha256(b"".join(content for _, content in sorted(self._contents.items())))
        self._version = digest.hexdigest()[:12]

    def url(self, name: str) -> str:
        """Where a page finds the file. Raises KeyError for a file that there is not."""
        if name not in self._contents:
            raise KeyError(name)
        return f"{PATH}/static/{self._version}/{name}"

    async def serve(self, request: Request) -> Response:
        name = request.path_params["name"]
        content = self._contents.get(name)
        if content is None:
            return PlainTextResponse("no such file\n", 404)
        current = request.path_params["version"] == self._version
        headers = {"Cache-Control": _LONG if current else "no-cache", "X-Content-Type-Options": "nosniff"}
        return Response(content, headers=headers, media_type=TYPES[name[name.rindex(".") :]])
