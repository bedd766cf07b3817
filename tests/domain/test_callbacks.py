"""Where callbacks may go, what events are kept as, and when a failed one is tried again."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fotapool.domain.callbacks import (
    MAX_DEVICES_A_MESSAGE,
    MAX_PACKAGES_A_MESSAGE,
    MAX_URL,
    RETRY_AFTER_MS,
    CampaignChanged,
    Event,
    FirmwareAvailable,
    FirmwareReported,
    UpgradesChanged,
    check_credential,
    check_url,
    decode,
    encode,
    firmware_available,
    is_acknowledged,
    is_public_address,
    kind_of,
    retry_ms,
)
from fotapool.domain.campaigns.campaigns import CampaignStatus
from fotapool.domain.campaigns.upgrades import Reason, UpgradeStatus
from fotapool.domain.errors import ErrorCode, RequestRejected
from support import callbacks

CAMPAIGN = replace(callbacks.CAMPAIGN, name='Smart "FOTA"', status=int(CampaignStatus.QUEUED))
PACKAGE = replace(callbacks.PACKAGE, release_note="ünote")


@pytest.mark.parametrize(
    ("event", "kind"),
    [
        (FirmwareAvailable("account", (PACKAGE, PACKAGE)), "firmware available"),
        (CampaignChanged(CAMPAIGN), "campaign changed"),
        (
            UpgradesChanged(CAMPAIGN, ((900000000000001, int(UpgradeStatus.FAILED), int(Reason.DOWNLOAD_FAILED)),)),
            "upgrades changed",
        ),
        (
            FirmwareReported(account_name="account", imei=15, firmware="1", request_id="id", at_ms=4),
            "firmware reported",
        ),
    ],
)
def test_an_event_is_read_as_it_was_written(event: Event, kind: str) -> None:
    assert decode(encode(event)) == event
    assert kind_of(encode(event)) == kind
    assert "\n" not in encode(event)


def test_a_message_tells_of_a_hundred_at_most() -> None:
    events = firmware_available("account", [PACKAGE] * (MAX_PACKAGES_A_MESSAGE + 1))
    assert [len(event.packages) for event in events if isinstance(event, FirmwareAvailable)] == [100, 1]
    assert firmware_available("account", []) == []
    assert MAX_DEVICES_A_MESSAGE == 100


@pytest.mark.parametrize(
    "url",
    [
        "https://receiver.example/",
        "https://receiver.example:8443/a?b=c",
        "https://1.1.1.1/",
        "https://[2606:4700::1111]/",
        "https://receiver.example/" + "x" * (MAX_URL - 25),
    ],
)
def test_callbacks_go_to_public_https_urls(url: str) -> None:
    check_url(url, private_targets=False)


@pytest.mark.parametrize(
    "url",
    [
        "http://receiver.example/",
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://10.1.2.3/",
        "https://169.254.169.254/",
        "https://0177.0.0.1/",
        "https://127.1/",
        "https://2130706433/",
        "https://0x7f.0x1/",
    ],
)
def test_where_private_targets_are_allowed_these_are_too(url: str) -> None:
    with pytest.raises(RequestRejected):
        check_url(url, private_targets=False)
    check_url(url, private_targets=True)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "receiver.example",
        "ftp://receiver.example/",
        "https://",
        "https:///path",
        "//receiver.example",
        "https://me:secret@receiver.example/",
        "https://me@receiver.example/",
        "https://receiver.example:99999/",
        "https://receiver.example:0/",
        "https://receiver.example/\n",
        "https://rece iver.example/",
        "https://[::1/",
        "https://receiver.example/\x00",
        "javascript:alert(1)",
        "https://receiver.example/" + "x" * MAX_URL,
    ],
)
def test_no_callbacks_go_to_what_is_no_web_address(url: str) -> None:
    for private in (True, False):
        with pytest.raises(RequestRejected) as rejected:
            check_url(url, private)
        assert rejected.value.code is ErrorCode.URL_INVALID


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("1.1.1.1", True),
        ("2606:4700::1111", True),
        ("10.0.0.1", False),
        ("172.16.0.1", False),
        ("192.168.1.1", False),
        ("127.0.0.1", False),
        ("0.0.0.0", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("224.0.0.1", False),
        ("240.0.0.1", False),
        ("255.255.255.255", False),
        ("::1", False),
        ("::", False),
        ("fe80::1", False),
        ("fe80::1%eth0", False),
        ("fd00::1", False),
        ("ff02::1", False),
        ("::ffff:127.0.0.1", False),
        ("::ffff:10.0.0.1", False),
        ("64:ff9b::7f00:1", False),
        ("2002:7f00:1::", False),
        ("192.0.2.1", False),
        ("192.0.0.192", False),
        ("192.88.99.1", False),
        ("fec0::1", False),
        ("3fff::1", False),
        ("5f00::1", False),
        ("64:ff9b:1::7f00:1", False),
        ("::127.0.0.1", False),
        ("2001:0:4136:e378:8000:63bf:80ff:fffe", False),
        ("2606:4700::5efe:7f00:1", False),
        ("2606:4700::200:5efe:a00:1", False),
        ("2606:4700::5efe:101:101", True),
    ],
)
def test_an_address_is_public_or_not(address: str, public: bool) -> None:
    assert is_public_address(address) is public


def test_a_credential_has_a_limit() -> None:
    for text in (None, "", "x" * 200):
        check_credential(text)
    for text in ("x" * 201, "a\x00b"):
        with pytest.raises(RequestRejected):
            check_credential(text)


def test_any_2xx_acknowledges_and_there_are_three_retries() -> None:
    assert [is_acknowledged(status) for status in (None, 199, 200, 204, 299, 300, 404)] == [
        False,
        False,
        True,
        True,
        True,
        False,
        False,
    ]
    assert [retry_ms(attempts, 7) for attempts in (1, 2, 3, 4)] == [7 + RETRY_AFTER_MS] * 3 + [None]
