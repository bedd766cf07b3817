"""`fotapool firmware` and `fotapool files` against a server."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from support.helpers import ACCOUNT, Api, devices

NEW = ("firmware", "create", "P", "--make", "Verizon", "--model", "Model-A", "--from", "1", "--to", "2")


def test_a_package_is_created_changed_listed_and_deleted(api: Api, cli: Any, tmp_path: Path) -> None:
    assert "No packages. Create one: fotapool firmware create" in cli("firmware", "list").stderr
    assert cli(*NEW, "--release-note", "Fixes.", "--launch-date", "2026-02-01").stdout == "package P is created\n"
    assert "firmware P exists already" in cli(*NEW, code=4).stderr
    shown = cli("firmware", "show", "P").stdout
    assert "release note        Fixes.\n" in shown
    assert "proven              no\n" in shown
    assert cli.one("firmware", "change", "P", "--proven")["provenByOperator"]
    changed = cli.one("firmware", "change", "P", "--not-proven", "--release-note", "")
    assert (changed["proven"], changed["releaseNote"]) == (False, "")
    assert "has no content" in cli("firmware", "content", "P", code=4).stderr
    image = tmp_path / "image.bin"
    image.write_bytes(b"firmware")
    sum_of = hashlib.sha256(b"firmware").hexdigest()
    assert cli("firmware", "upload", "P", str(image)).stdout == f"P has a content of 8 bytes, SHA-256 {sum_of}\n"
    assert cli.one("firmware", "content", "P") == {"firmwareName": "P", "size": 8, "sha256": sum_of}
    assert [(row["firmwareName"], row["hasContent"]) for row in cli.rows("firmware", "list")] == [("P", True)]
    assert "cannot be read" in cli("firmware", "upload", "P", str(tmp_path / "none"), code=2).stderr
    assert cli("firmware", "delete", "P", "--yes").stdout == "P is deleted\n"
    assert cli.rows("firmware", "list") == []


def test_the_campaigns_of_a_package_are_listed(api: Api, cli: Any) -> None:
    cli(*NEW)
    assert "Nothing matches." in cli("firmware", "campaigns", "P").stderr
    body = {"firmwareName": "P", "startDate": "2026-03-11", "endDate": "2026-03-12", "deviceList": devices(0)}
    campaign = api.call("POST", f"/v3/campaigns/firmware/{ACCOUNT}", body).json()["id"]
    assert [row["campaign"]["id"] for row in cli.rows("firmware", "campaigns", "P")] == [campaign]
    assert campaign in cli("firmware", "campaigns", "P").stdout
    assert "firmware none does not exist" in cli("firmware", "campaigns", "none", code=4).stderr
    assert "a campaign installs firmware P" in cli("firmware", "delete", "P", "--yes", code=4).stderr


def test_files_of_an_account_are_listed(api: Api, cli: Any) -> None:
    assert "No files." in cli("files", "list", ACCOUNT).stderr
    form = {"fileVersion": "1", "make": "M", "model": "N", "localTargetPath": "/x"}
    assert api.call("POST", f"/v2/files/{ACCOUNT}", data=form, files={"fileupload": ("a", b"12")}).status_code == 200
    (found,) = cli.rows("files", "list", ACCOUNT)
    assert (found["fileName"], found["fileVersion"], found["size"]) == ("configfile-M_N_a", "1", 2)
    assert "configfile-M_N_a" in cli("files", "list", ACCOUNT).stdout
