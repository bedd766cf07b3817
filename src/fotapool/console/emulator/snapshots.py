"""The snapshot page: create and restore snapshots, copy an account."""

from __future__ import annotations

from starlette.responses import Response

from fotapool.console.app.pages import ConsoleCall, ConsolePage, account_path
from fotapool.core.timestamps import format_timestamp
from fotapool.domain.errors import Conflict, Invalid, NotFound
from fotapool.domain.identity import Role
from fotapool.services.accounts.accounts import get_account
from fotapool.services.accounts.copies import copy_account
from fotapool.services.snapshots.snapshot_documents import MAX_SNAPSHOT_BYTES

PATH = "/console/emulator/snapshots"


async def show_snapshots(call: ConsoleCall) -> Response:
    """`account` fills the form for a copy."""
    return await _page(call)


async def download(call: ConsoleCall) -> Response:
    """A POST, for admins only: the file has sessions and the hashes of all secrets."""
    data = await call.emulator.snapshot_service.create()
    name = f"fotapool-{format_timestamp(call.context.clock.now_ms())[:19].replace(':', '')}.json"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Content-Encoding": "identity"}
    return Response(data, headers=headers, media_type="application/json")


async def restore(call: ConsoleCall) -> Response:
    """Replaces everything with the file; needs a ticked checkbox."""
    upload = call.upload("file")
    try:
        if upload is None:
            raise Invalid("choose a file: a snapshot, or a seed document")
        if not call.field("sure"):
            raise Invalid("tick the box to replace everything")
        call.emulator.moves.check_idle()
        await call.emulator.snapshot_service.restore(await upload.read(_limit(call) + 1), call.audit)
    except (Invalid, Conflict) as error:
        return await _page(call, f"Nothing was replaced: {error}")
    call.emulator.moves.clear()
    return await call.go(PATH, f"{upload.filename} restored, with its clock.")


async def copy(call: ConsoleCall) -> Response:
    try:
        account = await get_account(call.context, call.field("account"))
        made = await copy_account(call.context, call.caller(account), call.field("name"), bool(call.field("users")))
    except (Invalid, Conflict, NotFound) as error:
        return await _page(call, f"Nothing was copied: {error}")
    return await call.go(account_path(made.name), f"{made.name} is a copy of {account.name}.")


def _limit(call: ConsoleCall) -> int:
    """The maximum size of an uploaded snapshot, in bytes."""
    return min(call.context.settings.max_file_bytes, MAX_SNAPSHOT_BYTES)


async def _page(call: ConsoleCall, wrong: str = "") -> Response:
    account = call.field("account") or call.text("account")
    return await call.page(
        "emulator/snapshots.html",
        "Snapshots",
        400 if wrong else 200,
        wrong=wrong,
        copied=account,
        copy_name=call.field("name"),
        max_mib=_limit(call) // 1024**2,
    )


PAGES = (
    ConsolePage("GET", "/emulator/snapshots", show_snapshots, emulator_only=True),
    ConsolePage("POST", "/emulator/snapshots/download", download, role=Role.ADMIN, reads_only=True, emulator_only=True),
    ConsolePage(
        "POST", "/emulator/snapshots/restore", restore, role=Role.ADMIN, action="restoreSnapshot", emulator_only=True
    ),
    ConsolePage("POST", "/emulator/snapshots/copy", copy, action="copyAccount", emulator_only=True),
)
