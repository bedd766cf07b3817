"""Server settings: each an option, an environment variable and a key of the TOML file (docs/reference/settings.md)."""

from __future__ import annotations

import enum
from datetime import datetime

import msgspec


class Timestamps(enum.Enum):
    """The style of timestamps in responses (our choice, see docs/reference/compatibility.md)."""

    AUTO = "auto"
    DOCUMENTED = "documented"
    RFC3339 = "rfc3339"


class LogFormat(enum.Enum):
    """The format of the log."""

    TEXT = "text"
    JSON = "json"


class SmtpSecurity(enum.Enum):
    """How the connection to the SMTP server is encrypted."""

    STARTTLS = "starttls"
    TLS = "tls"
    NONE = "none"


class SettingSource(enum.Enum):
    """Where the value of a setting comes from."""

    DEFAULT = "default"
    COMMAND_LINE = "command line"
    ENVIRONMENT = "environment"
    FILE = "file"


class SettingInEffect(msgspec.Struct, frozen=True, kw_only=True):
    """A setting that a server was started with, as its operators see it: a secret is `***`, no value is `none`."""

    option: str
    variable: str
    value: str
    unit: str
    default: str
    source: SettingSource
    description: str

    @property
    def is_default(self) -> bool:
        return self.source is SettingSource.DEFAULT or self.value == self.default


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """The settings of a server. The suffix of a name is its unit; counts have none."""

    database: str = "sqlite:///fotapool.db"
    emulator: bool = False
    host: str = "127.0.0.1"
    port: int = 8080
    allowed_hosts: tuple[str, ...] = ()
    forwarded_allow_ips: str | None = None
    root_path: str = ""
    workers: int = 1
    worker_timeout_s: int = 60
    drain_s: int = 0
    stop_timeout_s: int = 10
    seed: str | None = None
    random_seed: int | None = None
    clock: datetime | None = None
    operator_key: str | None = None
    oidc_issuer: str | None = None
    oidc_client_id: str | None = None
    oidc_client_secret_file: str | None = None
    oidc_name: str | None = None
    oidc_scope: str = "openid profile email"
    oidc_name_claim: str = "email"
    oidc_role_claim: str = "roles"
    oidc_viewer: tuple[str, ...] = ()
    oidc_editor: tuple[str, ...] = ()
    oidc_admin: tuple[str, ...] = ()
    secret_key: str | None = None
    page_size: int = 1000
    max_devices_per_request: int = 10_000
    max_body_bytes: int = 4 * 1024 * 1024
    max_head_bytes: int = 64 * 1024
    max_headers: int = 100
    head_timeout_s: int = 10
    body_timeout_s: int = 30
    min_body_bytes_per_s: int = 1024
    max_connections: int | None = None
    max_waiting_sign_ins: int = 32
    max_failed_sign_ins: int = 20
    failed_sign_in_delay_s: int = 1
    client_requests_per_s: int = 0
    client_burst: int | None = None
    user_requests_per_s: int = 0
    user_burst: int | None = None
    max_import_line_bytes: int = 64 * 1024
    max_file_bytes: int = 64 * 1024 * 1024
    max_uploads: int = 32
    max_uploads_per_account: int = 4
    storage: str | None = None
    timestamps: Timestamps = Timestamps.AUTO
    close_metrics: bool = False
    metrics_accounts: int = 0
    otel: bool = False
    close_docs: bool = False
    log_format: LogFormat = LogFormat.TEXT
    log_level: str = "info"
    access_log: bool = False
    tls: bool = False
    tls_directory: str = "fotapool-tls"
    retry_after_s: int = 2
    database_timeout_s: int = 10
    callback_timeout_s: int = 10
    callback_private_targets: bool | None = None
    alert_interval_s: int = 60
    smtp_host: str | None = None
    smtp_port: int = 587
    smtp_security: SmtpSecurity = SmtpSecurity.STARTTLS
    smtp_username: str | None = None
    smtp_password: str | None = None
    smtp_from: str | None = None
    smtp_timeout_s: int = 10
    strict: bool = False
    inspector_requests: int = 1_000
    audit_log_retention_days: int = 365
    check_in_retention_days: int = 30
    device_log_retention_days: int = 30
    callback_retention_days: int = 30
    upgrade_retention_days: int = 0
    rejection_retention_days: int = 0
    undo_retention_days: int = 0
    in_effect: tuple[SettingInEffect, ...] = ()
    """What the command that started the server says of its settings; empty without a command."""

    @property
    def sends_mail(self) -> bool:
        """Whether there is a server to send e-mail by, and a sender's address."""
        return self.smtp_host is not None and self.smtp_from is not None

    @property
    def private_targets_allowed(self) -> bool:
        """Whether callbacks may be sent to private addresses and over plain HTTP; by default only in the emulator."""
        return self.emulator if self.callback_private_targets is None else self.callback_private_targets
