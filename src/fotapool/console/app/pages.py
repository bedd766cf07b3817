"""A request for a page: its operator, account, query, form and response; and the row of the tables of pages."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from dataclasses import field as attribute
from datetime import date
from typing import Any, TypeVar
from urllib.parse import quote

import msgspec
from msgspec.structs import replace
from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from fotapool.console.app.rendering import Templates
from fotapool.console.identity.sessions import NOTICE_COOKIE, PATH, Session, Sessions
from fotapool.core.logs.context import note_account
from fotapool.core.timestamps import DAY_MS, date_ms
from fotapool.domain.errors import Invalid, NotFound
from fotapool.domain.identity import Role
from fotapool.emulator.parts import EmulatorParts
from fotapool.services.accounts.accounts import get_account
from fotapool.services.audit_log.drafts import AuditDraft
from fotapool.services.campaigns.campaign_views import CampaignCounts
from fotapool.services.context import Caller, Context
from fotapool.store.accounts.accounts import Account
from fotapool.web.http import compress, read_cookie
from fotapool.web.operations import Row
from fotapool.web.parameters import check_period

MAX_FIELDS = 2_000
MAX_TEXT_BYTES = 16 * 1024 * 1024
"""Maximum size of a text field of a form; pasted device lists are the longest."""
MAX_CURSOR = 2**62
THEME_COOKIE = "fotapool-theme"
"""Set by console.js: light or dark; without it the page follows the system."""

_REASONS = ("error", "problem", "wrong")
"""The values of templates that say why a form was rejected."""

Choice = TypeVar("Choice")


class Console(msgspec.Struct, frozen=True):
    """The services that the pages use; `emulator` is None outside of the emulator."""

    context: Context
    templates: Templates
    sessions: Sessions
    emulator: EmulatorParts | None
    campaign_counts: CampaignCounts = msgspec.field(default_factory=CampaignCounts)


@dataclass(slots=True)
class ConsoleCall:
    """A request for a page by an operator who is signed in and whose role allows it."""

    console: Console
    session: Session
    request: Request
    request_id: str
    form: FormData
    """Empty unless the request is a POST."""
    audit: AuditDraft
    """The audit log's entry of the request."""
    context: Context = attribute(init=False)
    account: Account = attribute(init=False)
    """The account in the path; only set for pages below /accounts/{account}."""

    def __post_init__(self) -> None:
        self.context = replace(self.console.context, audit=self.audit)

    @property
    def emulator(self) -> EmulatorParts:
        """The emulator's services. Raises NotFound if this server is not the emulator."""
        if self.console.emulator is None:
            raise NotFound("only the emulator has this page: start it with `fotapool emulate`")
        return self.console.emulator

    @property
    def is_fragment(self) -> bool:
        """Whether htmx requests a part of the page."""
        return "hx-request" in self.request.headers

    def allows(self, role: Role) -> bool:
        """Whether the operator has this role or a higher one."""
        return self.session.operator.role.allows(role)

    async def load_account(self) -> None:
        """Sets `account` if the path names one. Raises NotFound if it does not exist."""
        if "account" in self.request.path_params:
            self.account = await get_account(self.context, self.request.path_params["account"])
            note_account(self.account.name)

    def caller(self, account: Account | None = None) -> Caller:
        """The operator as the actor of a change of the account, by default the one in the path."""
        account = account or self.account
        return Caller(self.session.operator.name, self.request_id, account.id, account.name)

    def path(self, *parts: str) -> str:
        """The path of a page of the account in the path."""
        return account_path(self.account.name, *parts)

    def text(self, name: str, default: str = "") -> str:
        """A query parameter. Raises Invalid if it has more than 200 characters or a NUL."""
        text = self.request.query_params.get(name, default).strip()
        if len(text) > 200 or "\x00" in text:
            raise Invalid(f"{name} may have at most 200 characters")
        return text

    def number(self, name: str, default: int, lowest: int, highest: int) -> int:
        """A whole number from the query. Raises Invalid."""
        return whole_number(name, self.request.query_params.get(name) or str(default), lowest, highest)

    def cursor(self, name: str = "before") -> int | None:
        """The number of a record from the query; None if there is none. Raises Invalid."""
        return self.number(name, 0, 0, MAX_CURSOR) or None

    def period(self) -> tuple[int | None, int | None]:
        """The start of the day `since` and the end of the day `until` of the query, in UTC (ms). Raises Invalid."""
        since_ms, until_ms = self._day_ms("since"), self._day_ms("until")
        check_period(since_ms, until_ms)
        return since_ms, None if until_ms is None else until_ms + DAY_MS

    def _day_ms(self, name: str) -> int | None:
        text = self.text(name)
        if not text:
            return None
        try:
            return date_ms(date.fromisoformat(text))
        except ValueError as error:
            raise Invalid(f"{name} must be a date as in 2026-03-01, not {text[:40]!r}") from error

    def choice(self, name: str, choices: Mapping[str, Choice]) -> Choice | None:
        """What a query parameter selects; None if it is empty. Raises Invalid for a value that is not a choice."""
        value = self.text(name)
        if value and value not in choices:
            raise Invalid(f"{name} must be one of {', '.join(choices)}")
        return choices[value] if value else None

    def field(self, name: str) -> str:
        """A text field of the form; empty if it is missing."""
        value = self.form.get(name, "")
        return value.strip() if isinstance(value, str) else ""

    def fields(self, name: str) -> list[str]:
        """All text fields of the form with this name."""
        return [value for value in self.form.getlist(name) if isinstance(value, str)]

    def upload(self, name: str) -> UploadFile | None:
        """An uploaded file of the form; None if none was chosen."""
        value = self.form.get(name)
        return value if isinstance(value, UploadFile) and value.filename else None

    async def page(self, template: str, title: str, status: int = 200, **values: Any) -> Response:
        """A rendered template. Each template also gets the values that the layouts use: account, operator, role, …"""
        if status >= 400:
            self.audit.reason = next((str(values[name]) for name in _REASONS if values.get(name)), title)
        notice = None if self.is_fragment else await self.console.sessions.notice(self.request)
        account: Account | None = getattr(self, "account", None)
        variables = {
            "call": self,
            "title": title,
            "notice": notice,
            "csrf": self.session.new_csrf(),
            "operator": self.session.operator,
            "can_edit": self.allows(Role.EDITOR),
            "is_admin": self.allows(Role.ADMIN),
            "emulator": self.console.emulator,
            "now_ms": self.context.clock.now_ms(),
            "path": self.request.url.path,
            "theme": theme if (theme := read_cookie(self.request, THEME_COOKIE)) in ("light", "dark") else "",
            "account": account,
            "account_path": account_path(account.name) if account else "",
        }
        response = HTMLResponse(self.console.templates.render(template, **(variables | values)), status)
        if self.request.method == "GET":  # what answers a POST may show a new key
            compress(response, self.request.headers.get("accept-encoding", ""))
        if notice is not None:
            response.delete_cookie(NOTICE_COOKIE, path=self.console.sessions.cookie_path)
        return response

    async def go(self, path: str, text: str = "", kind: str = "done") -> Response:
        """Redirects to a page of the console, which shows the text once. `kind` is done, warn or failed."""
        response = RedirectResponse(path, 303)
        if text:
            await self.console.sessions.leave_notice(self.request, response, text[:1000], kind)
        return response


class ConsolePage(Row, frozen=True):
    """A page or a change; `path` is below /console."""

    handle: Callable[[ConsoleCall], Awaitable[Response]]
    emulator_only: bool = False


def whole_number(name: str, text: str, lowest: int, highest: int) -> int:
    """A whole number from a text. Raises Invalid with the name of the field."""
    digits = "".join(text.replace(",", "").split())
    if not (digits.isascii() and digits.isdigit() and len(digits) < 20 and lowest <= int(digits) <= highest):
        raise Invalid(f"{name} must be a whole number from {lowest} to {highest}, not {text[:40]!r}")
    return int(digits)


def account_path(name: str, *parts: str) -> str:
    """The path of an account's page."""
    return "/".join([PATH, "accounts", quote(name, safe=""), *(quote(part, safe="") for part in parts)])
