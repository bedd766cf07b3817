"""The TOML file of settings, which `emulate`, `serve` and `database` read alike."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import click

from fotapool.core.similar import did_you_mean


def config_option(read: Callable[..., Any], help: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """The option `--config`, which is read before the others; `read` is its callback."""
    return click.option(
        "--config",
        envvar="FOTAPOOL_CONFIG",
        is_eager=True,
        expose_value=False,
        callback=read,
        metavar="FILE",
        help=help,
    )


def read_config_file(context: click.Context, path: str, known: Collection[str | None]) -> dict[str, Any]:
    """The values of the file by the name of their setting. Raises BadParameter if one of them is not known."""
    try:
        values = tomllib.loads(Path(path).read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise click.BadParameter(f"{path}: {error.strerror}") from error
    except UnicodeError as error:
        raise click.BadParameter(f"{path} is not UTF-8 text: save it as UTF-8") from error
    except ValueError as error:  # not TOML
        raise click.BadParameter(f"{path}: {error}") from error
    plain = {name.replace("-", "_"): value for name, value in values.items()}
    if "allowed_host" in plain:  # named like the option, of which there may be several
        plain["allowed_hosts"] = plain.pop("allowed_host")
    several = {parameter.name for parameter in context.command.params if getattr(parameter, "multiple", False)}
    plain |= {name: [plain[name]] for name in several & plain.keys() if isinstance(plain[name], str)}
    unknown = sorted(set(plain) - set(known))
    if unknown:
        nearest = did_you_mean(unknown[0], (name.replace("_", "-") for name in known if name))
        raise click.BadParameter(f"unknown setting {unknown[0]!r}{nearest}; see `{context.command_path} --help`")
    return plain
