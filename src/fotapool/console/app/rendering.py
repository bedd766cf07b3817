"""Renders templates, and formats what they show: times in UTC, numbers, durations, IMEIs, links."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlencode

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from fotapool import __version__
from fotapool.console.app.assets import Assets
from fotapool.console.app.errors import sentence
from fotapool.console.app.navigation import is_current, navigation
from fotapool.core.timestamps import DAY_MS, MINUTE_MS, format_timestamp
from fotapool.domain.names import format_device_id
from fotapool.web.root_path import prefix_links

MINUS = "\N{MINUS SIGN}"


class Templates:
    """The console's templates and their filters. Values are escaped; undefined variables are errors.

    `paths` are those of the pages that the server has, for the side bar. Links begin with `/console`; `render` puts
    the path prefix of the server before them.
    """

    def __init__(self, assets: Assets, root_path: str, paths: Collection[str]) -> None:
        self._root_path = root_path
        self._environment = Environment(
            loader=PackageLoader("fotapool.console"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        self._environment.filters |= {
            "timestamp": timestamp_element,
            "timestamp_text": timestamp,
            "day": day,
            "number": number,
            "signed": signed,
            "first_and_last": lambda row: (row[0], row[-1]),
            "imei": format_device_id,
            "rfc3339": format_timestamp,
            "span": span,
            "about": about,
            "ago": ago,
            "pathpart": lambda text: quote(str(text), safe=""),
            "plural": plural,
            "sentence": sentence,
            "action": action,
        }
        self._environment.globals |= {
            "asset": assets.url,
            "version": __version__,
            "with_query": with_query,
            "navigation": navigation(paths),
            "is_current": is_current,
        }

    def render(self, name: str, **values: Any) -> str:
        return prefix_links(self._environment.get_template(name).render(**values), self._root_path)


def timestamp(timestamp_ms: int | None, missing: str = "never") -> str:
    """A time in UTC, as in 2026-03-01 12:00:05."""
    return missing if timestamp_ms is None else _utc(timestamp_ms).strftime("%Y-%m-%d %H:%M:%S")


def timestamp_element(timestamp_ms: int | None, missing: str = "never") -> str:
    """A time in UTC, as an HTML element that a script shows in local time if the operator has chosen that."""
    return missing if timestamp_ms is None else _time_element(timestamp_ms, timestamp(timestamp_ms))


def day(timestamp_ms: int | None, missing: str = "never") -> str:
    """A day in UTC, as in 2026-03-01."""
    return missing if timestamp_ms is None else _utc(timestamp_ms).strftime("%Y-%m-%d")


def number(value: float) -> str:
    """The number with commas between thousands."""
    return f"{value:,}"


def signed(value: int) -> str:
    """A difference with its sign, as in +1,344; a negative one has a minus sign, not a hyphen."""
    return f"{value:+,}".replace("-", MINUS) if value else "0"


def plural(count: int, one: str, many: str = "") -> str:
    """The count and what is counted, as in `1 device`, `2 devices`."""
    return f"{number(count)} {one if count == 1 else many or one + 's'}"


def action(name: str) -> str:
    """The name of an operation in words, as in `change subscription`."""
    return re.sub(r"(?=[A-Z])", " ", name).lower()


def span(span_ms: float) -> str:
    """A duration in its two largest units, as in `38 min`, `2 h 14 min`, `1 day 16 h`."""
    minutes, rest_ms = divmod(int(span_ms), MINUTE_MS)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return plural(days, "day") + (f" {hours} h" if hours else "")
    if hours:
        return f"{hours} h" + (f" {minutes} min" if minutes else "")
    return f"{minutes} min" if minutes else f"{rest_ms / 1000:g} s"


def about(span_ms: float) -> str:
    """A duration, in whole days from one day on, as in `2 h 14 min`, `6 days`."""
    return span(span_ms if span_ms < DAY_MS else span_ms // DAY_MS * DAY_MS)


def ago(timestamp_ms: int | None, now_ms: int) -> str:
    """A time relative to now, as in `3 h 5 min ago` or `in 6 days`; the element's title is the time in UTC."""
    if timestamp_ms is None:
        return "never"
    text = f"{about(now_ms - timestamp_ms)} ago" if timestamp_ms <= now_ms else f"in {about(timestamp_ms - now_ms)}"
    return _time_element(timestamp_ms, text, f"{timestamp(timestamp_ms)} UTC")


def _time_element(timestamp_ms: int, text: str, title: str = "") -> Markup:
    attributes = Markup(' title="{}"').format(title) if title else ""
    return Markup('<time datetime="{}"{}>{}</time>').format(format_timestamp(timestamp_ms), attributes, text)


def with_query(query: Mapping[str, Any], **changes: Any) -> str:
    """A link to the same page with a changed query, without parameters that are None or empty."""
    parameters = {name: value for name, value in {**query, **changes}.items() if value not in (None, "")}
    return "?" + urlencode(parameters)


def _utc(timestamp_ms: int) -> datetime:
    return datetime.fromtimestamp(timestamp_ms / 1000, tz=UTC)
