"""What every page has: who asks, the form, the answer; and the table row that puts a page on its path."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from fotapool.console.app.rendering import Templates
from fotapool.console.identity.sessions import NOTICE_COOKIE, PATH, Session, Sessions
from fotapool.domain.errors import Invalid, NotFound
from fotapool.domain.identity import Role
from fotapool.emulator.parts import EmulatorParts
from fotapool.services.accounts.accounts import get_account
from fotapool.services.campaigns.campaign_views import CampaignCounts
from fotapool.services.context import Caller, Context
from fotapool.store.accounts.accounts import Account
from fotapool.web.operations import Row

MAX_FIELDS = 2_000
MAX_TEXT_BYTES = 16 * 1024 * 1024
"""How long a text field of a form may be: a pasted list of devices is the longest."""


@dataclass(frozen=True, slots=True)
class Console:
    """What the pages work with."""

    context: Context
    templates: Templates
    sessions: Sessions
    emulator: EmulatorParts | None
    campaign_counts: CampaignCounts = field(default_factory=CampaignCounts)


@dataclass(slots=True)
class ConsoleCall:
    """A request of an operator who is signed in and whose role allows it."""

    console: Console
    session: Session
    request: Request
    request_id: str
    form: FormData
    """Of a POST; empty for others."""

    @property
    def context(self) -> Context:
        return self.console.context

    @property
    def emulator(self) -> EmulatorParts:
        """Raises NotFound in a server that is no emulator."""
        if self.console.emulator is None:
            raise NotFound("only the emulator has this page: start it with `fotapool emulate`")
        return self.console.emulator

    @property
    def is_fragment(self) -> bool:
        """Whether the page itself asks, to replace a part of it (htmx)."""
        return "hx-request" in self.request.headers

    def allows(self, role: Role) -> bool:
        return self.session.operator.role.allows(role)

    async def account(self) -> Account:
        """The account in the path. Raises NotFound."""
        return await get_account(self.context, self.request.path_params["account"])

    def caller(self, account: Account) -> Caller:
        """The operator, about the account."""
        return Caller(self.session.operator.name, self.request_id, account.id, account.name)

    def text(self, name: str, default: str = "") -> str:
        """A text of the query. Raises Invalid for one that is too long or holds a NUL."""
        text = self.request.query_params.get(name, default).strip()
        if len(text) > 200 or "\x00" in text:
            raise Invalid(f"{name} may have 200 characters")
        return text

    def number(self, name: str, default: int, lowest: int, highest: int) -> int:
        """A whole number of the query. Raises Invalid."""
        return whole_number(name, self.request.query_params.get(name) or str(default), lowest, highest)

    def field(self, name: str) -> str:
        """A text of the form; empty if it is not there."""
        value = self.form.get(name, "")
        return value.strip() if isinstance(value, str) else ""

    def fields(self, name: str) -> list[str]:
        """All texts of the form with this name."""
        return [value for value in self.form.getlist(name) if isinstance(value, str)]

    def upload(self, name: str) -> UploadFile | None:
        value = self.form.get(name)
        return value if isinstance(value, UploadFile) and value.filename else None

    async def page(self, template: str, title: str, status: int = 200, **values: Any) -> Response:
        """The page: `templates/NAME.html`, which extends layout.html; for a fragment, name the fragment's file."""
        notice = None if self.is_fragment else await self.console.sessions.notice(self.request)
        html = self.console.templates.render(
            template,
            call=self,
            title=title,
            notice=notice,
            csrf=self.session.csrf,
            operator=self.session.operator,
            can_change=self.allows(Role.EDITOR),
            is_admin=self.allows(Role.ADMIN),
            emulator=self.console.emulator,
            now_ms=self.context.clock.now_ms(),
            path=self.request.url.path,
            **values,
        )
        response = HTMLResponse(html, status)
        if notice is not None:
            response.delete_cookie(NOTICE_COOKIE, path=PATH)
        return response

    async def go(self, path: str, words: str = "", kind: str = "done") -> Response:
        """Sends the browser to a page of the console after a change; it shows the words. `kind`: done or failed."""
        response = RedirectResponse(path, 303)
        if words:
            await self.console.sessions.leave_notice(self.request, response, words[:1000], kind)
        return response


@dataclass(frozen=True, slots=True)
class ConsolePage(Row):
    """A page or a change; `path` is below /console."""

    handle: Callable[[ConsoleCall], Awaitable[Response]]
    emulator_only: bool = field(default=False, kw_only=True)


def whole_number(name: str, text: str, lowest: int, highest: int) -> int:
    """Raises Invalid that names the field."""
    digits = text.strip().replace("\u202f", "").replace(",", "").replace(" ", "")
    if not (digits.isascii() and digits.isdigit() and len(digits) < 20 and lowest <= int(digits) <= highest):
        raise Invalid(f"{name} must be a whole number from {lowest} to {highest}, not {text[:40]!r}")
    return int(digits)


def account_path(name: str, *parts: str) -> str:
    """The path of a page about an account."""
    return "/".join([PATH, "accounts", quote(name, safe=""), *(quote(part, safe="") for part in parts)])
