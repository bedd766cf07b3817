"""Sign-in through a real provider in a real browser, where policies of pages and cookies hold."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from support.helpers import Api

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def test_a_person_signs_in_at_another_site_and_out_again(
    start: Callable[..., Api],
    provider: str,
    client_secret: str,
    chromium: Any,
    accessible: Callable[[Any], None],
    screenshot: Callable[[Any, str], None],
) -> None:
    issuer = provider.replace("127.0.0.1", "localhost")  # another site than the console's
    api = start(
        oidc_issuer=issuer,
        oidc_client_id="fotapool",
        oidc_client_secret_file=client_secret,
        oidc_name="Example",
        oidc_admin=("fota-admins",),
    )
    context = chromium.new_context(base_url=str(api.http.base_url), viewport={"width": 1280, "height": 900})
    context.set_default_timeout(120_000)
    page = context.new_page()
    try:
        page.goto("/console/access")
        accessible(page)
        screenshot(page, "sign-in-provider")
        page.get_by_role("link", name="Sign in with Example").click()
        page.wait_for_url(f"{issuer}/**")
        page.get_by_role("button", name="a1").click()
        page.wait_for_url("**/console/access")
        page.get_by_text("alice@example.com").first.wait_for()
        page.locator("details.user > summary").click()
        page.get_by_role("button", name="Sign out").click()
        page.get_by_role("link", name="Sign out of Example too").wait_for()
        accessible(page)
        page.get_by_role("link", name="Sign out of Example too").click()
        page.wait_for_url(f"{issuer}/**")
        page.goto("/console/access")
        page.get_by_role("link", name="Sign in with Example").wait_for()
    finally:
        context.close()
