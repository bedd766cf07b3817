"""Makes calls with the vendor's newest Python SDK, for test_newest_sdk.py; runs in that SDK's own environment.

Reads `{address, client, user, retries, calls}` from standard input. Each call is `[name, values, body]`: the SDK's
`controller.method`, its parameters by name, and its body. Writes `{answer}` or `{error}` for each; `{no_body}` if the
method takes no body. A call with `values` of null is not made: its body is an answer, which is parsed.
"""

from __future__ import annotations

import inspect
import json
import re
import sys
import typing
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter
from verizon import VerizonClient
from verizon.core import SdkBaseModel

SERVERS = {
    "o_auth_server": "/api/ts/v1",
    "m2_m": "/api/m2m",
    "thingspace": "/api",
    "software_management_v1": "/api/fota/v1",
    "software_management_v2": "/api/fota/v2",
    "software_management_v3": "/api/fota/v3",
}


def client_of(given: dict[str, Any], token: str | None = None) -> VerizonClient:
    address = given["address"]
    return VerizonClient(
        server_config={name: {"production": {"base_url": address + base}} for name, base in SERVERS.items()},
        thingspace_oauth=given["client"],
        vz_m2_m_token=token,
        retry_options=given["retries"],
    )


def method_of(client: VerizonClient, name: str) -> Any:
    """The method; those whose names several controllers have end with a number in this generation."""
    controller, wanted = name.split(".")
    held = getattr(client, controller)
    found = [one for one in dir(held) if re.fullmatch(rf"{wanted}\d*", one)]
    return getattr(held, found[0])


class NoBody(Exception):
    """The method takes no body, although its operation does."""


def call(client: VerizonClient, name: str, values: dict[str, Any] | None, body: Any) -> Any:
    method = method_of(client, name)
    hints, arguments = typing.get_type_hints(method), {}
    if values is None:
        return TypeAdapter(hints["return"]).validate_python(body)
    parameters = inspect.signature(method).parameters
    if body is not None and "body" not in parameters:
        raise NoBody
    for parameter in parameters.values():
        if parameter.name == "body":
            models = [one for one in typing.get_args(hints["body"]) if inspect.isclass(one)]
            model = next((one for one in models if issubclass(one, SdkBaseModel)), None)
            arguments["body"] = model.model_validate(body) if model else body
        elif parameter.name in values:
            given = values[parameter.name]
            arguments[parameter.name] = Path(given) if parameter.name == "fileupload" else given
    return method(**arguments)


def shown(answer: Any) -> Any:
    if isinstance(answer, list):
        return [shown(one) for one in answer]
    return answer.to_dict(exclude_unset=True) if isinstance(answer, SdkBaseModel) else answer


def main() -> None:
    given = json.load(sys.stdin)
    login = client_of(given).session_management.start_connectivity_management_session(body=given["user"])
    client = client_of(given, login.session_token)
    done: list[dict[str, Any]] = []
    for name, values, body in given["calls"]:
        try:
            done.append({"answer": shown(call(client, name, values, body))})
        except NoBody:
            done.append({"no_body": True})
        except Exception as error:
            done.append({"error": f"{type(error).__name__}: {error} {getattr(error, 'error', '')}"})
    json.dump(done, sys.stdout, default=str)


if __name__ == "__main__":
    main()
