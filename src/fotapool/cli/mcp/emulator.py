"""Tools for the emulator: recorded requests with hints, the test clock, faults."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from fotapool.cli.mcp.accounts import Limit, Skip
from fotapool.cli.mcp.answers import Json, encode, list_from, list_rows, shorten, window
from fotapool.cli.mcp.connection import CLOCK, Connection

ROW = ("number", "time", "method", "path", "status", "requestId", "account", "fault", "hints")
"""Members of a request that a list shows."""
MAX_BODY = 6_000
"""The length of a body that is shown at once."""
MAX_EVENTS = 50
"""Events that are shown after the clock has moved."""
EVENT_DEVICES = 5


class EmulatorTools:
    """Tools for what only the emulator has, and for the kind of server."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def show_server(self) -> str:
        """Show the server: address, whether it is an emulator, the test clock, and whether tools may change it."""
        clock = self._connection.clock()
        return encode(
            {
                "address": self._connection.client.target.address,
                "kind": "server (`fotapool serve`)" if clock is None else "emulator (`fotapool emulate`)",
                "mayChange": self._connection.may_change(clock),
                "clock": clock,
            }
        )

    def list_requests(
        self,
        refused_only: Annotated[
            bool, Field(description="Only rejected requests, and those that a fault left without an answer.")
        ] = False,
        account: Annotated[str | None, Field(description="Only requests about this account.")] = None,
        request_id: Annotated[str | None, Field(description="Only those with this X-Request-Id.")] = None,
        before: Annotated[int | None, Field(ge=1, description="The value from `more` of the answer before.")] = None,
        limit: Limit = 20,
    ) -> str:
        """List the requests that clients sent, newest first, with status and hints that say what was wrong.

        Begin here if a call of the API failed. A request that the account's filter does not find may have been
        rejected before its account was known: try without the filter.
        """
        page = self._connection.get(
            "/requests",
            newest="true",
            refused="true" if refused_only else None,
            account=account,
            requestId=request_id,
            after=before,
            limit=limit,
        )
        rows = [{name: row[name] for name in ROW} for row in page["requests"]]

        def following(shown: int) -> str | None:
            is_last = shown == len(rows) and not page["hasMoreData"]
            return None if is_last or not shown else f"call again with before={rows[shown - 1]['number']}"

        return list_rows("requests", rows, following)

    def show_request(
        self,
        number: Annotated[int, Field(ge=1, description="The request's number in the list.")],
        form: Annotated[
            Literal["record", "curl", "pytest"],
            Field(description="record: with the answer and hints. curl, pytest: code that sends it again."),
        ] = "record",
        offset: Annotated[int, Field(ge=0, description="Characters of the bodies to skip, from `more`.")] = 0,
    ) -> str:
        """Show a request whole: headers, body, answer, hints. Tokens and passwords are shown as `***`."""
        if form != "record":
            text, more = window(self._connection.text(f"/requests/{number}", **{"as": form}), offset, MAX_BODY)
            return encode({form: text, "more": more})
        found = self._connection.get(f"/requests/{number}")
        body, more_body = window(found.pop("body"), offset, MAX_BODY)
        answer, more_answer = window(found.pop("answer"), offset, MAX_BODY)
        return encode({**shorten(found), "body": body, "answer": answer, "more": more_body or more_answer})

    def move_clock(
        self,
        advance: Annotated[str | None, Field(description="A duration: PT20M, PT3H, P1D, P1DT12H.")] = None,
        to: Annotated[str | None, Field(description="A later time, as 2026-12-01T00:00:00Z.")] = None,
        next_event: Annotated[bool, Field(description="Move to the next event that is due.")] = False,
    ) -> str:
        """Move the emulator's test clock forward; all that is due on the way happens. Give one of the parameters."""
        self._connection.check_changes()
        given: Json = {"advance": advance, "to": to, "next": next_event or None}
        body = {name: value for name, value in given.items() if value is not None}
        found = self._connection.post_or_put("POST", CLOCK, body)
        events = [{**one, "devices": one["devices"][:EVENT_DEVICES]} for one in found.pop("happened")]
        more = f"{len(events) - MAX_EVENTS:,} earlier events are not shown" if len(events) > MAX_EVENTS else None
        return list_rows("happened", events[-MAX_EVENTS:], lambda _: more, found)

    def list_faults(self, skip: Skip = 0) -> str:
        """List the emulator's fault rules in the order in which they apply, each with its matches and hits."""
        found = self._connection.get("/faults", limit=1)
        return list_from("faults", found["faults"], skip, {})

    def add_fault(
        self,
        action: Annotated[
            dict[str, Any],
            Field(
                description="One of status (with headers, body), latencyMs, drop (before, after), expireToken (bearer,"
                " session), callback (drop, duplicate, reorder, delay with byMs)."
            ),
        ],
        match: Annotated[
            dict[str, Any],
            Field(
                description="path (a beginning, or with *), method, account, deviceId; nth, every, times, probability"
                " with seed. What is left out matches everything."
            ),
        ],
    ) -> str:
        """Add a fault rule: requests or callbacks that match fail, are late, or lose their answer.

        Example: match {"path": "/fota/v3/licenses/*/assign", "nth": 1}, action {"status": 503}.
        """
        self._connection.check_changes()
        return encode(shorten(self._connection.post_or_put("POST", "/faults", {"match": match, "action": action})))

    def delete_faults(
        self, fault: Annotated[int | None, Field(ge=1, description="The id of one rule; left out: all rules.")] = None
    ) -> str:
        """Delete one fault rule of the emulator, or all of them."""
        self._connection.check_changes()
        self._connection.delete("/faults" if fault is None else f"/faults/{fault}")
        return encode({"deleted": "all" if fault is None else fault})
