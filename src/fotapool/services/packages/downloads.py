"""Downloads of devices."""

from __future__ import annotations

from fotapool.domain.campaigns.upgrades import OPEN
from fotapool.domain.errors import Conflict, NotFound
from fotapool.services.campaigns.upgrade_progress import upgrade_of_device
from fotapool.services.context import Caller, Context
from fotapool.store.packages.contents import Content


async def content_for_device(context: Context, caller: Caller, imei: int, upgrade_id: int) -> Content:
    """The content that the device's upgrade installs.

    Raises NotFound, also if nothing was uploaded for the package, and Conflict while the download is not allowed: the
    campaign has not begun or has ended, a time window is closed, or the upgrade is over.
    """
    upgrade = await upgrade_of_device(context, caller.account_id, imei, upgrade_id)
    content = upgrade.content.stored
    if content is None:
        raise NotFound("nothing was uploaded for this upgrade")
    if upgrade.status not in OPEN:
        raise Conflict(f"the upgrade is {upgrade.status.word} already")
    if not upgrade.download_allowed:
        raise Conflict("the download is not allowed now: check in to see when it is")
    return content
