"""The options of the servers about the names and the proxy under which clients call them."""

from __future__ import annotations

import click


def _check_root_path(_: click.Context, __: click.Parameter, text: str) -> str:
    from fotapool.web.root_path import check_root_path  # imported here to keep other commands' start short

    try:
        return check_root_path(text)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


PROXY_OPTIONS = (
    click.option(
        "--allowed-host",
        "allowed_hosts",
        multiple=True,
        envvar="FOTAPOOL_ALLOWED_HOST",
        metavar="HOST",
        help="A further name under which clients call this server, as fota.example.com; .example.com for a domain with "
        "its subdomains, * for any. Can be repeated. Loopback and the bound address always work.",
    ),
    click.option(
        "--forwarded-allow-ips",
        metavar="ADDRESSES",
        help="Proxies whose X-Forwarded-For and X-Forwarded-Proto count: addresses or networks, separated by commas.",
    ),
    click.option(
        "--root-path",
        default="",
        metavar="PATH",
        callback=_check_root_path,
        help="Path prefix under which a proxy serves this server, as /fota. Requests may arrive with or without it.",
    ),
)
