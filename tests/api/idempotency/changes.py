"""A request for each operation that changes something."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import httpx

from api.campaigning import HTTP, LATER, LWM2M, TODAY, TOMORROW, answered, body, imeis, schedule
from support.helpers import ACCOUNT, Api

URL = "https://receiver.example/one"
FILE = {"fileVersion": "1.0", "make": "Verizon", "model": "Model-H", "localTargetPath": "/x"}
UNUSED = imeis(LWM2M, 12)[8:]
"""Devices without a license that the account has."""
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Change:
    """A request, with `{account}` and others in its path. `campaign`: of which version a campaign it needs."""

    method: str
    path: str
    json: Any = None
    campaign: int = 0
    upload: bool = False

    def prepare(self, api: Api) -> Prepared:
        """The request, after what it needs was made."""
        uuid = schedule(api, self.campaign) if self.campaign else ""
        options: dict[str, Any] = {} if self.json is None else {"json": self.json}
        if self.upload:
            options = {
                "data": {**FILE, "fileVersion": f"v{next(_numbers)}"},
                "files": {"fileupload": ("f", b"content")},
            }
        return Prepared(self.method, self.path.format(account=ACCOUNT, campaign=uuid, device=UNUSED[0]), options)


@dataclass(frozen=True)
class Prepared:
    method: str
    path: str
    options: dict[str, Any]

    def send(self, api: Api, key: str | bytes | None, query: str = "", **options: Any) -> httpx.Response:
        headers = {**api.tokens, **({} if key is None else {"Idempotency-Key": key})}
        options = {"headers": headers, **self.options, **options}
        return api.http.request(self.method, self.path + query, **options)


_DEVICES = {"deviceList": UNUSED}
_THIRD = {"type": "append", "deviceList": imeis(LWM2M, 3)[2:]}
_DATES = {"startDate": TOMORROW, "endDate": LATER}
_CALLBACK = {"url": URL}


def _licenses(version: int, candidates: bool) -> dict[str, Change]:
    path = f"/api/fota/v{version}/licenses/{{account}}"
    found = {
        f"V{version}-3": Change("POST", f"{path}/assign", _DEVICES),
        f"V{version}-4": Change("POST", f"{path}/remove", {"deviceList": imeis(LWM2M, 5)}),
    }
    if candidates:
        found[f"V{version}-5"] = Change("POST", f"{path}/cancel", _DEVICES)
        found[f"V{version}-7"] = Change("DELETE", f"{path}/cancel")
    return found


def _callbacks(version: int, first: int) -> dict[str, Change]:
    path = f"/api/fota/v{version}/callbacks/{{account}}"
    return {
        f"V{version}-{first}": Change("POST", path, _CALLBACK),
        f"V{version}-{first + 1}": Change("PUT", path, _CALLBACK),
        f"V{version}-{first + 2}": Change("DELETE", path),
    }


def _logging(first: int) -> dict[str, Change]:
    path = "/api/fota/v2/logging/{account}/devices"
    return {
        f"V2-{first}": Change("PUT", path, {"deviceIds": imeis(HTTP, 2)}),
        f"V2-{first + 1}": Change("DELETE", f"{path}?deviceIds={HTTP}"),
        f"V2-{first + 2}": Change("PUT", f"{path}/{HTTP}"),
        f"V2-{first + 3}": Change("DELETE", f"{path}/{HTTP}"),
    }


_V1, _V2, _V3 = "/api/fota/v1/upgrades", "/api/fota/v2/campaigns", "/api/fota/v3/campaigns"
CHANGES: dict[str, Change] = {
    **_licenses(1, candidates=True),
    **_licenses(2, candidates=True),
    **_licenses(3, candidates=False),
    "V1-9": Change("POST", _V1, body(1)),
    "V1-11": Change("PUT", f"{_V1}/{{account}}/upgrade/{{campaign}}", _THIRD, campaign=1),
    "V1-12": Change("DELETE", f"{_V1}/{{account}}/upgrade/{{campaign}}", campaign=1),
    "V1-17": Change("POST", "/api/fota/v1/callbacks/{account}", {"name": "Fota", "url": URL}),
    "V1-18": Change("DELETE", "/api/fota/v1/callbacks/{account}/name/Fota"),
    "V2-8": Change("POST", f"{_V2}/{{account}}", body(2)),
    "V2-9": Change("POST", f"{_V2}/software/{{account}}", body(2)),
    "V2-12": Change("PUT", f"{_V2}/{{account}}/{{campaign}}", _THIRD, campaign=2),
    "V2-13": Change("DELETE", f"{_V2}/{{account}}/{{campaign}}", campaign=2),
    "V2-14": Change("PUT", f"{_V2}/{{account}}/{{campaign}}/dates", {**_DATES, "downloadAfterDate": LATER}, campaign=2),
    **_callbacks(2, 16),
    "V2-25": Change("POST", "/api/fota/v2/files/{account}", upload=True),
    **_logging(27),
    "V3-5": Change("POST", f"{_V3}/firmware/{{account}}", body(3)),
    "V3-6": Change("PUT", f"{_V3}/firmware/{{account}}/{{campaign}}", _THIRD, campaign=3),
    "V3-7": Change("PUT", f"{_V3}/firmware/{{account}}/{{campaign}}/dates", _DATES, campaign=3),
    "V3-9": Change("DELETE", f"{_V3}/{{account}}/{{campaign}}", campaign=3),
    **_callbacks(3, 11),
    "V3-18": Change("PUT", "/api/fota/v3/firmware/{account}/devices", _DEVICES),
    "V3-19": Change("PUT", "/api/fota/v3/firmware/{account}/async/{device}"),
    "M2M-4": Change("POST", "/api/m2m/v1/callbacks/{account}", {"name": "CarrierService", "url": URL}),
    "M2M-5": Change("DELETE", "/api/m2m/v1/callbacks/{account}/name/CarrierService"),
}
"""By the number of the operation; that of a campaign of a file (V2-10) is made from an upload."""


def file_campaign(api: Api) -> Prepared:
    """V2-10: a campaign of a file that was uploaded for it."""
    uploaded = answered(CHANGES["V2-25"].prepare(api).send(api, None))
    wanted = {
        "fileName": uploaded["fileName"],
        "fileVersion": uploaded["fileVersion"],
        "distributionType": "HTTP",
        "startDate": TODAY,
        "endDate": LATER,
        "deviceList": imeis(HTTP, 2),
    }
    return Prepared("POST", f"{_V2}/files/{ACCOUNT}", {"json": wanted})
