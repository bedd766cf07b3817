"""The vendor's own Python SDK, unmodified, uploads configuration files and lists them."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from apimatic_core.types.file_wrapper import FileWrapper
from verizon.exceptions.fota_v2_result_exception import FotaV2ResultException
from verizon.verizon_client import VerizonClient

from api.sdk.test_sdk import sdk
from support.helpers import ACCOUNT, Api

TARGET = "/VZWFOTA/hello-world.txt"
NAME = "configfile-Verizon_VZW1_hello-world.txt"


@pytest.fixture
def client(api: Api) -> VerizonClient:
    return sdk(str(api.http.base_url).rstrip("/"), api.session)


@pytest.mark.parametrize("wrapped", [True, False], ids=["FileWrapper", "plain stream"])
def test_version_2(client: VerizonClient, tmp_path: Path, wrapped: bool) -> None:
    path = tmp_path / "hello-world.txt"
    path.write_bytes(b"Hello")

    def upload(version: str) -> Any:
        with path.open("rb") as stream:
            file = FileWrapper(stream, "application/octet-stream") if wrapped else stream
            return client.configuration_files.upload_config_file(ACCOUNT, file, version, "Verizon", "VZW1", TARGET).body

    made = upload("1.0")
    assert (made.file_name, made.file_version, made.make, made.model) == (NAME, "1.0", "Verizon", "VZW1")
    assert (made.local_target_path, made.distribution_type, made.launch_date) == (TARGET, "HTTP", date(2026, 3, 10))
    assert upload("2.0").file_name == NAME
    listed = client.configuration_files.get_list_of_files(ACCOUNT, "HTTP").body.available_files_response
    assert [(one.file_name, one.file_version, one.make, one.model, one.local_target_path) for one in listed] == [
        (NAME, version, "Verizon", "VZW1", TARGET) for version in ("1.0", "2.0")
    ]
    assert {one.distribution_type for one in listed} == {"HTTP"}
    assert {one.device_platform_id for one in listed} == {made.device_platform_id}
    assert client.configuration_files.get_list_of_files(ACCOUNT, "OMD-DM").body.available_files_response == []
    with pytest.raises(FotaV2ResultException) as rejected:
        upload("1.0")
    assert (rejected.value.error_code, rejected.value.response_code) == ("INVALID_PARAMETER", 400)
    with pytest.raises(FotaV2ResultException) as rejected:
        client.configuration_files.get_list_of_files(ACCOUNT, "pigeon")
    assert rejected.value.error_code == "INVALID_PARAMETER"
