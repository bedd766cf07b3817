"""Settings of a server: each an option, an environment variable and a key of the TOML file (docs/settings.md)."""

from __future__ import annotations

import enum
from datetime import datetime

import msgspec


class Timestamps(enum.Enum):
    """In which style times are answered (our choice, see docs/compatibility.md)."""

    AUTO = "auto"
    DOCUMENTED = "documented"
    RFC3339 = "rfc3339"


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What a server is started with. Sizes in the unit that ends the name; plain counts have none."""

    database: str = "sqlite:///fotapool.db"
    emulator: bool = False
    host: str = "127.0.0.1"
    port: int = 8080
    allowed_hosts: tuple[str, ...] = ()
    forwarded_allow_ips: str | None = None
    workers: int = 1
    seed: str | None = None
    random_seed: int | None = None
    clock: datetime | None = None
    operator_key: str | None = None
    page_size: int = 1000
    max_devices_per_request: int = 10_000
    max_body_bytes: int = 4 * 1024 * 1024
    max_head_bytes: int = 64 * 1024
    max_headers: int = 100
    head_timeout_s: int = 10
    body_timeout_s: int = 30
    min_body_bytes_per_s: int = 1024
    max_connections: int | None = None
    max_import_line_bytes: int = 64 * 1024
    max_file_bytes: int = 64 * 1024 * 1024
    storage: str | None = None
    timestamps: Timestamps = Timestamps.AUTO
    close_metrics: bool = False
    close_docs: bool = False
    tls: bool = False
    tls_directory: str = "fotapool-tls"
    retry_after_s: int = 2
    callback_timeout_s: int = 10
    callback_private_targets: bool | None = None
    inspector_requests: int = 1_000

    @property
    def private_targets_allowed(self) -> bool:
        """Whether callbacks may go to private addresses and to plain HTTP: as set, or only in the emulator."""
        return self.emulator if self.callback_private_targets is None else self.callback_private_targets
