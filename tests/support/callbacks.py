"""A campaign, a file campaign and a package, as events for listeners have them."""

from __future__ import annotations

from dataclasses import replace

from fotapool.domain.callbacks import CampaignFacts, PackageFacts
from fotapool.domain.campaigns.campaigns import CampaignStatus
from support.helpers import ACCOUNT

CAMPAIGN = CampaignFacts(
    id="f858b8c4-2153-11ec-8c44-aeb16d1aa652",
    account_name=ACCOUNT,
    name="Smart FOTA",
    artifact="GM01Q_10512_10657",
    is_file=False,
    make="SEQUANS",
    model="GM01Q",
    from_version="10512",
    to_version="10657",
    protocol="OMADM",
    start_date="2021-07-09",
    end_date="2021-07-10",
    start_ms=1_625_788_800_000,
    end_ms=1_625_961_600_000,
    status=int(CampaignStatus.SCHEDULED),
)
FILE = replace(
    CAMPAIGN,
    name="Files",
    artifact="hello.txt",
    is_file=True,
    from_version="",
    to_version="1.0",
    protocol="HTTP",
    status=int(CampaignStatus.ENDED),
)
PACKAGE = PackageFacts(
    name="GM01Q_10512_10657",
    make="SEQUANS",
    model="GM01Q",
    from_version="10512",
    to_version="10657",
    protocol="LWM2M",
    release_note="note",
    launched_ms=1_625_788_800_000,
)
