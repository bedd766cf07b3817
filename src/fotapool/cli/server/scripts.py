"""Start-up scripts of the emulator. They run one after another when it serves; `/health/ready` reports progress."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from fotapool.core.logs.events import Log, LogEvent

if TYPE_CHECKING:
    from fotapool.services.system.readiness import Readiness

log = Log(__name__)

INTERPRETERS: Mapping[str, tuple[str, ...]] = {".sh": ("/bin/sh",), ".py": (sys.executable,)}
"""Interpreter by file suffix. Other files in the directory are ignored."""
WITHIN_S = 300
MAX_SCRIPTS = 1000
STOP_WITHIN_S = 5


class StartScripts:
    """The scripts of a directory, in order of their names."""

    def __init__(self, directory: Path, readiness: Readiness) -> None:
        self._scripts = sorted(path for path in directory.iterdir() if path.suffix in INTERPRETERS)[:MAX_SCRIPTS]
        self._readiness = readiness
        self._running: subprocess.Popen[bytes] | None = None
        self._stopped = False
        if self._scripts:
            readiness.waits_for = "starting"

    def start(self, address: str, operator_key: str) -> None:
        """Runs the scripts in a thread, with FOTAPOOL_ADDRESS and FOTAPOOL_OPERATOR_KEY in their environment."""
        environment = {**os.environ, "FOTAPOOL_ADDRESS": address, "FOTAPOOL_OPERATOR_KEY": operator_key}
        threading.Thread(target=self._run, args=(environment,), daemon=True, name="fotapool-scripts").start()

    def stop(self) -> None:
        """Terminates the running script."""
        self._stopped = True
        running = self._running
        if running is not None and running.poll() is None:
            running.terminate()
            try:
                running.wait(STOP_WITHIN_S)
            except subprocess.TimeoutExpired:
                running.kill()

    def _run(self, environment: Mapping[str, str]) -> None:
        for number, script in enumerate(self._scripts, start=1):
            if self._stopped:
                return
            self._readiness.waits_for = f"running script {number} of {len(self._scripts)}: {script.name}"
            failure = self._run_one(script, environment)
            if failure:
                log.write(LogEvent.START_SCRIPT_FAILED, script=script, reason=failure)
                self._readiness.waits_for = f"failed: {script.name}"
                return
        self._readiness.waits_for = ""

    def _run_one(self, script: Path, environment: Mapping[str, str]) -> str:
        """Returns the error, or "". The script's output goes to standard error."""
        command = [*INTERPRETERS[script.suffix], str(script.resolve())]
        try:
            self._running = subprocess.Popen(command, env=environment, stdout=2, stdin=subprocess.DEVNULL)
            status = self._running.wait(WITHIN_S)
        except subprocess.TimeoutExpired:
            self.stop()
            return f"it took more than {WITHIN_S} s"
        except OSError as error:
            return str(error)
        return f"it exited with {status}" if status else ""
