"""The settings that a server was started with, as its operators see them: described, and without secrets."""

from __future__ import annotations

import enum
import re
from datetime import datetime
from typing import Any

import click
from click.core import ParameterSource

from fotapool.core.settings import SettingInEffect, Settings, SettingSource
from fotapool.core.timestamps import format_timestamp

MASK = "***"
_SECRET = re.compile(r"(^|_)(key|password|secret|token)$")
_USER_INFO = re.compile(r"://([^:/?#@]*):.*@")
"""From the colon after a user up to the last `@`, so that no part of a password with unusual characters is left."""
_IN_QUERY = re.compile(
    r"([?&;#][^=&;#]*(?:pass|pwd|secret|token|key|sig|sas|credential|%)[^=&;#]*=)[^&;#]*", re.IGNORECASE
)
_UNITS = (
    ("_requests_per_s", "requests/s"),
    ("_bytes_per_s", "bytes/s"),
    ("_bytes", "bytes"),
    ("_days", "days"),
    ("_s", "s"),
)
_SOURCES = {
    ParameterSource.COMMANDLINE: SettingSource.COMMAND_LINE,
    ParameterSource.ENVIRONMENT: SettingSource.ENVIRONMENT,
    ParameterSource.DEFAULT_MAP: SettingSource.FILE,
}


def settings_in_effect(context: click.Context, settings: Settings) -> tuple[SettingInEffect, ...]:
    """Every setting of the running command, in the order of its options. Secrets and passwords in URLs are masked."""
    chosen = {"callback_private_targets": settings.private_targets_allowed}
    found = []
    for option in context.command.params:
        name = str(option.name)
        if not isinstance(option, click.Option) or name not in context.params:
            continue
        value = chosen.get(name, getattr(settings, name, context.params[name]))
        source = context.get_parameter_source(name)
        found.append(
            SettingInEffect(
                option=option.opts[0],
                variable=variable_of(option),
                value=_masked(name, value),
                unit=next((unit for ending, unit in _UNITS if name.endswith(ending)), ""),
                default=default_of(option),
                source=_SOURCES.get(source, SettingSource.DEFAULT) if source else SettingSource.DEFAULT,
                description=option.help or "",
            )
        )
    return tuple(found)


def variable_of(option: click.Option) -> str:
    """The environment variable of an option."""
    return str(option.envvar) if option.envvar else f"FOTAPOOL_{str(option.name).upper()}"


def default_of(option: click.Option) -> str:
    """The default of an option as text; `none` if it has none."""
    if option.is_flag and not isinstance(option.default, str):
        return "on" if option.default is True else "off"
    return str(option.default) if isinstance(option.default, str | int) and option.default != "" else "none"


def _masked(name: str, value: Any) -> str:
    text = _as_text(value)
    if text != "none" and _SECRET.search(name):
        return MASK
    return _IN_QUERY.sub(rf"\1{MASK}", _USER_INFO.sub(rf"://\1:{MASK}@", text)) if "://" in text else text


def _as_text(value: Any) -> str:
    match value:
        case None | "" | () | []:
            return "none"
        case bool():
            return "on" if value else "off"
        case enum.Enum():
            return str(value.value)
        case datetime():
            return format_timestamp(round(value.timestamp() * 1000))
        case list() | tuple():
            return ", ".join(map(str, value))
    return str(value)
