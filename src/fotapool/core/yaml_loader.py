"""YAML as texts, lists and dictionaries and nothing else; imported when a document that is not JSON is read."""

from __future__ import annotations

import re
from typing import Any

import yaml

_BASE: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)


class _WithNulls(_BASE):  # type: ignore[misc]
    """Takes all scalars as texts, but null as nothing."""


def _nothing(loader: Any, node: Any) -> None:
    """What null stands for."""


_NULL = "tag:yaml.org,2002:null"
_WithNulls.add_implicit_resolver(_NULL, re.compile("^(?:~|null|Null|NULL|)$"), ["~", "n", "N", ""])
_WithNulls.add_constructor(_NULL, _nothing)


def read_yaml(text: str, nulls: bool = False) -> Any:
    """What the document holds; with `nulls`, null is None and no text. Raises ValueError that says what is wrong."""
    try:
        return yaml.load(text, Loader=_WithNulls if nulls else _BASE)  # noqa: S506 - both make nothing but plain values
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from error
