"""Templates and the words and numbers in them: moments in UTC, numbers with thin spaces, IMEIs with 15 digits."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlencode

from jinja2 import Environment, PackageLoader, StrictUndefined

from fotapool import __version__
from fotapool.console.app.assets import Assets
from fotapool.core.timestamps import MINUTE_MS, time_text
from fotapool.domain.names import format_device_id


class Templates:
    """The console's templates with their filters; everything is escaped unless it is markup of a macro."""

    def __init__(self, assets: Assets) -> None:
        self._environment = Environment(
            loader=PackageLoader("fotapool.console"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        self._environment.filters |= {
            "moment": moment,
            "day": day,
            "number": number,
            "imei": format_device_id,
            "rfc3339": time_text,
            "span": span,
            "ago": ago,
            "pathpart": lambda text: quote(str(text), safe=""),
            "plural": plural,
        }
        self._environment.globals |= {"asset": assets.url, "version": __version__, "with_query": with_query}

    def render(self, name: str, **values: Any) -> str:
        return self._environment.get_template(name).render(**values)


def moment(timestamp_ms: int | None, missing: str = "never") -> str:
    """As in 2026-03-01 12:00:05; the pages say once that times are UTC."""
    return missing if timestamp_ms is None else _utc(timestamp_ms).strftime("%Y-%m-%d %H:%M:%S")


def day(timestamp_ms: int | None, missing: str = "never") -> str:
    return missing if timestamp_ms is None else _utc(timestamp_ms).strftime("%Y-%m-%d")


def number(value: float) -> str:
    """With a narrow space between thousands."""
    return f"{value:,}".replace(",", "\u202f")


def plural(count: int, one: str, many: str = "") -> str:
    """As in `1 device`, `2 devices`."""
    return f"{number(count)} {one if count == 1 else many or one + 's'}"


def span(span_ms: float) -> str:
    """A length of time in the largest two units that fit, as in `3 d 4 h`."""
    minutes, rest_ms = divmod(int(span_ms), MINUTE_MS)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{number(days)} d {hours} h"
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min" if minutes else f"{rest_ms / 1000:g} s"


def ago(timestamp_ms: int | None, now_ms: int) -> str:
    """How long before now, or `in …`, or `never`."""
    if timestamp_ms is None:
        return "never"
    return f"{span(now_ms - timestamp_ms)} ago" if timestamp_ms <= now_ms else f"in {span(timestamp_ms - now_ms)}"


def with_query(query: dict[str, Any], **changes: Any) -> str:
    """A link to the same page with a changed query; None and empty values are left out."""
    kept = {name: value for name, value in (query | changes).items() if value not in (None, "")}
    return "?" + urlencode(kept)


def _utc(timestamp_ms: int) -> datetime:
    return datetime.fromtimestamp(timestamp_ms / 1000, tz=UTC)
