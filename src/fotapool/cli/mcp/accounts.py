"""Tools that look at accounts, devices, campaigns and callbacks."""

from __future__ import annotations

from collections import Counter
from typing import Annotated, Literal

from pydantic import Field

from fotapool.cli.client.campaigns.campaigns import CampaignStatusText
from fotapool.cli.client.http.target import segment
from fotapool.cli.mcp.answers import Json, encode, list_from, list_page, list_rows, shorten
from fotapool.cli.mcp.connection import Connection
from fotapool.domain.callbacks import mask_password

MAX_BODY = 6_000
"""The length of a callback's body, and of the answer to an attempt."""
ATTEMPTS = 10
"""Attempts of a delivery that are shown, the last ones."""

Account = Annotated[str, Field(description="Account name with its leading zeros, as 0242078689-00001.")]
Imei = Annotated[str, Field(description="IMEI: 15 digits.")]
Limit = Annotated[int, Field(ge=1, le=100, description="Maximum number of rows.")]
After = Annotated[str | None, Field(description="The value from `more` of the answer before.")]
Skip = Annotated[int, Field(ge=0, description="Rows to skip, from `more` of the answer before.")]


class AccountTools:
    """Tools for what both servers have."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def list_accounts(self, after: After = None, limit: Limit = 50) -> str:
        """List accounts by name: status, purchase type, licenses in total, used and free."""
        return list_page(self._connection.get("/accounts", after=after, limit=limit), "accounts", "name")

    def show_account(self, account: Account) -> str:
        """Show an account: status, licenses, callback listeners; in the emulator its fleets of simulated devices."""
        path = _path(account)
        found = {"account": self._connection.get(path), **self._connection.get(f"{path}/listeners")}
        if self._connection.clock() is not None:
            found |= self._connection.get(f"{path}/fleet")
        return encode(shorten(found))

    def list_devices(self, account: Account, after: After = None, limit: Limit = 50) -> str:
        """List the account's devices by IMEI: make, model, firmware, license, open upgrade, reachability."""
        return list_page(
            self._connection.get(f"{_path(account)}/devices", after=after, limit=limit), "devices", "deviceId"
        )

    def show_device(self, account: Account, imei: Imei, skip: Skip = 0) -> str:
        """Show a device and its timeline, newest first: how it got and lost licenses and upgrades, by whom and why."""
        found = self._connection.get(f"{_path(account)}/devices/{segment(imei)}")
        return list_from("timeline", found.pop("timeline"), skip, shorten(found))

    def preview_subscription(
        self,
        account: Account,
        licenses: Annotated[int, Field(ge=0, description="The number of licenses that the account would have.")],
        skip: Skip = 0,
    ) -> str:
        """Preview another number of licenses: which devices would lose theirs, in which order and why. No change."""
        path, body = f"{_path(account)}/subscription", {"licenseCount": licenses}
        found = self._connection.post_or_put("PUT", path, body, {"preview": "true"})
        reasons = found.pop("reasons")
        counts: Json = {name: len(value) if isinstance(value, list) else value for name, value in found.items()}
        counts["counts"] = [
            {"what": what, "why": why, "devices": count}
            for (what, why), count in Counter((row["what"], row["why"]) for row in reasons).items()
        ]
        return list_from("reasons", reasons, skip, counts)

    def list_campaigns(
        self,
        account: Account,
        status: Annotated[
            CampaignStatusText | None,
            Field(description="Only campaigns in this state."),
        ] = None,
        before: Annotated[int | None, Field(description="The value from `more` of the answer before.")] = None,
        limit: Limit = 20,
    ) -> str:
        """List the account's campaigns, newest first: state, package, dates, number of devices."""
        path = f"{_path(account)}/campaigns"
        page = self._connection.get(path, status=status, before=before, limit=limit)
        more = None if page["next"] is None else f"call again with before={page['next']}"
        return list_rows("campaigns", page["campaigns"], lambda _: more)

    def show_campaign(self, account: Account, campaign: Annotated[str, Field(description="The campaign's id.")]) -> str:
        """Show a campaign: devices by state, why some ended without their upgrade, and what happens next."""
        return encode(shorten(self._connection.get(f"{_path(account)}/campaigns/{segment(campaign)}")))

    def list_deliveries(
        self,
        account: Annotated[str | None, Field(description="Only this account's.")] = None,
        state: Annotated[
            Literal["waiting", "delivered", "failed"] | None, Field(description="Only those in this state.")
        ] = None,
        after: After = None,
        limit: Limit = 50,
    ) -> str:
        """List callback deliveries by id: event, state, attempts, when the next attempt is due."""
        page = self._connection.get("/deliveries", account=account, state=state, after=after, limit=limit)
        return list_page(page, "deliveries", "id")

    def show_delivery(self, delivery: Annotated[int, Field(ge=1, description="The delivery's id.")]) -> str:
        """Show a callback delivery: its body, and what the listener answered at the last attempts."""
        found = self._connection.get(f"/deliveries/{delivery}")
        body = None if found["body"] is None else mask_password(found["body"])
        attempts = shorten(found["attempts"][-ATTEMPTS:])
        return encode({"delivery": found["delivery"], "body": shorten(body, MAX_BODY), "attempts": attempts})

    def redeliver_callback(self, delivery: Annotated[int, Field(ge=1, description="The delivery's id.")]) -> str:
        """Deliver a callback again that was delivered or has failed; its attempts start again from zero."""
        self._connection.check_changes()
        return encode(self._connection.post_or_put("POST", f"/deliveries/{delivery}/redeliver"))


def _path(account: str) -> str:
    return f"/accounts/{segment(account)}"
