"""Two network namespaces with a link between them, which a test can set down."""

from __future__ import annotations

import contextlib
import ctypes
import os
import subprocess
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

NAMESPACES = Path("/run/netns")
CLONE_NEWNET = 0x40000000
NEAR, FAR = "10.254.254.1", "10.254.254.2"
"""The addresses of the two ends, which no other network has to do with."""


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True)


class Link:
    """The near namespace is the one of the threads of `near`; `far` begins the command of a process in the other."""

    def __init__(self) -> None:
        self._near, self._far = (f"fotapool-{os.getpid()}-{end}" for end in ("near", "far"))
        self.far: Sequence[str] = ("nsenter", f"--net={NAMESPACES / self._far}")
        self.near = ThreadPoolExecutor(1, initializer=self._enter)

    def set_up(self) -> None:
        for namespace in (self._near, self._far):
            _ip("netns", "add", namespace)
            _ip("-n", namespace, "link", "set", "lo", "up")
        _ip("-n", self._near, "link", "add", "name", "wire", "type", "veth", "peer", "name", "wire", "netns", self._far)
        for namespace, address in ((self._near, NEAR), (self._far, FAR)):
            _ip("-n", namespace, "address", "add", f"{address}/30", "dev", "wire")
            _ip("-n", namespace, "link", "set", "wire", "up")

    def set(self, state: str) -> None:
        """Sets the far end "up" or "down": what is sent to it is lost, and nobody is told."""
        _ip("-n", self._far, "link", "set", "wire", state)

    def _enter(self) -> None:
        with (NAMESPACES / self._near).open() as namespace:
            if ctypes.CDLL(None, use_errno=True).setns(namespace.fileno(), CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), "setns")

    def tear_down(self) -> None:
        self.near.shutdown()
        for namespace in (self._near, self._far):
            with contextlib.suppress(subprocess.CalledProcessError):
                _ip("netns", "delete", namespace)


@contextlib.contextmanager
def link_between_namespaces() -> Iterator[Link]:
    """Raises OSError or CalledProcessError where that is not permitted, or `ip` is not there."""
    link = Link()
    try:
        link.set_up()
        yield link
    finally:
        link.tear_down()
