"""YAML as strings, lists and dictionaries only. Imported on demand, for documents that are not JSON."""

from __future__ import annotations

import re
from typing import Any

import yaml

_BASE: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)


class _WithNulls(_BASE):  # type: ignore[misc]
    """Reads all scalars as strings, and null as None."""


def _none(loader: Any, node: Any) -> None:
    """Constructs None."""


_NULL = "tag:yaml.org,2002:null"
_WithNulls.add_implicit_resolver(_NULL, re.compile("^(?:~|null|Null|NULL|)$"), ["~", "n", "N", ""])
_WithNulls.add_constructor(_NULL, _none)


def read_yaml(text: str, nulls: bool = False) -> Any:
    """The parsed document; `nulls`: null is None instead of a string. Raises ValueError with the parser's message."""
    try:
        return yaml.load(text, Loader=_WithNulls if nulls else _BASE)  # noqa: S506 - both loaders only create plain values
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from error
