"""Takes the screenshots in docs/images: `python docs/screenshots.py`. Needs Chromium and the test extra.

Starts an emulator, simulates 60 days by the test clock, and drives a browser through the console. With a directory,
`python docs/screenshots.py DIRECTORY`, it takes every page there instead, at 1440 and 390 pixels, light and dark.
"""

from __future__ import annotations

import base64
import contextlib
import datetime
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
from playwright.sync_api import Browser, Page, sync_playwright

IMAGES = Path(__file__).parent / "images"
BEGIN = datetime.datetime(2026, 9, 21, 6, tzinfo=datetime.UTC)
DAYS = 60
MAIN, FIRST, DEVICES = "0242078689-00001", 990_000_000_000_000, 6_000
KEY, SECRET, USER, PASSWORD, OPERATOR = "demo-key", "demo-secret", "zbeeblebrox", "IMgr8", "operator"
OTHERS = {
    "0402196254-00001": (1200, 700, 12),
    "0402196254-00002": (300, 290, 1),
    "0511274839-00001": (2500, 400, 45),
    "0620033187-00001": (150, 20, 2),
    "0620033187-00003": (800, 800, 0),
    "0733420915-00001": (4000, 3100, -18),
    "0845519072-00001": (500, 130, 6),
    "0977230461-00002": (60, 0, 1),
    "1012884530-00001": (9000, 5200, 60),
}
"""Other accounts: licenses, assigned licenses at the start, and the change per day."""
UNKNOWN_DEVICES = ("990000000900001", "990000000900002")
WIDTH = 1280
SIZES = ((1440, 900), (390, 844))
QUALITY = 82
DEVICE_WITH_HISTORY = FIRST + 3


def seed() -> dict[str, Any]:
    """The seed document of the first day."""
    package = {"make": "Verizon", "model": "Tracker-9", "protocol": "LWM2M", "proven": True}
    accounts = [
        {
            "name": name,
            "licenseCount": total,
            "devices": [
                {
                    "first": _imei(10_000 * (place + 1)),
                    "count": 9_000,
                    "licensed": licensed,
                    "make": "Verizon",
                    "model": "Meter-2",
                    "firmware": "4.1",
                }
            ],
        }
        for place, (name, (total, licensed, _)) in enumerate(OTHERS.items())
    ]
    main = {
        "name": MAIN,
        "licenseCount": 3_000,
        "devices": [
            {
                "first": _imei(0),
                "count": DEVICES,
                "licensed": 900,
                "make": "Verizon",
                "model": "Tracker-9",
                "firmware": "2.0",
                "protocol": "LWM2M",
            }
        ],
        "fleet": [
            {
                "first": _imei(0),
                "count": DEVICES,
                "checkInEvery": "PT40H",
                "upgradeTakes": "PT30M",
                "failAtDownload": 0.03,
                "failAtVerify": 0.01,
                "failAtInstall": 0.02,
                "offline": [{"from": 20, "to": 5, "share": 0.4}],
                "randomSeed": 9,
            }
        ],
    }
    return {
        "clients": [{"key": KEY, "secret": SECRET}],
        "users": [{"username": USER, "password": PASSWORD, "accounts": [MAIN, *OTHERS]}],
        "accounts": [main, *accounts],
        "firmware": [
            {**package, "firmwareName": "Tracker-9_20To21", "fromVersion": "2.0", "toVersion": "2.1"},
            {**package, "firmwareName": "Tracker-9_21To22", "fromVersion": "2.1", "toVersion": "2.2"},
        ],
    }


def _imei(number: int) -> str:
    return f"{FIRST + number:015d}"


class Clients:
    """The emulator's clients: a user with both tokens, and the operator."""

    def __init__(self, address: str) -> None:
        self.http = httpx.Client(base_url=address, timeout=300)
        self.day = 0

    def control(self, method: str, path: str, body: Any = None) -> Any:
        headers = {"Authorization": f"Bearer {OPERATOR}"}
        answer = self.http.request(method, f"/control/v1{path}", json=body, headers=headers).raise_for_status()
        return answer.json() if answer.content else None

    def sign_in(self) -> None:
        """Signs in; needed after each move of the clock, because sessions expire."""
        form = {"grant_type": "client_credentials"}
        bearer = self.http.post("/api/ts/v1/oauth2/token", auth=(KEY, SECRET), data=form).json()["access_token"]
        self.http.headers["Authorization"] = f"Bearer {bearer}"
        login = {"username": USER, "password": PASSWORD}
        signed_in = self.http.post("/api/m2m/v1/session/login", json=login).json()
        self.http.headers["VZ-M2M-Token"] = signed_in["sessionToken"]

    def call(self, method: str, path: str, body: Any) -> Any:
        return self.http.request(method, f"/api/fota{path}", json=body).raise_for_status().json()

    def licenses(self, account: str, verb: str, first: int, count: int) -> None:
        for start in range(first, first + count, 1000):
            listed = [_imei(number) for number in range(start, min(start + 1000, first + count))]
            self.call("POST", f"/v3/licenses/{account}/{verb}", {"deviceList": listed})

    def subscribe(self, total: int) -> None:
        self.control("PUT", f"/accounts/{MAIN}/subscription", {"licenseCount": total})

    def campaign(self, name: str, versions: tuple[str, str], first: int, count: int, days: int) -> None:
        """Schedules a campaign that starts tomorrow."""
        today = BEGIN + datetime.timedelta(days=self.day)
        package = f"Tracker-9_{''.join(versions[0].split('.'))}To{''.join(versions[1].split('.'))}"
        start, end = (today + datetime.timedelta(days=number) for number in (1, days))
        self.call(
            "POST",
            f"/v3/campaigns/firmware/{MAIN}",
            {
                "campaignName": name,
                "firmwareName": package,
                "firmwareFrom": versions[0],
                "firmwareTo": versions[1],
                "protocol": "LWM2M",
                "startDate": f"{start:%Y-%m-%d}",
                "endDate": f"{end:%Y-%m-%d}",
                "autoAssignLicenseFlag": False,
                "autoAddDevicesFlag": False,
                "deviceList": [_imei(number) for number in range(first, first + count)],
            },
        )


def simulate(clients: Clients) -> None:
    """Sixty days: growth without weekends, a reduction, two campaigns, some rejected requests."""
    assigned = 900
    others = {name: licensed for name, (_, licensed, _) in OTHERS.items()}
    for day in range(DAYS):
        clients.day = day
        clients.sign_in()
        weekend = (BEGIN + datetime.timedelta(days=day)).weekday() >= 5
        growth = 0 if weekend else 18 + (day * 37) % 23
        clients.licenses(MAIN, "assign", assigned, growth)
        assigned += growth
        if day % 9 == 4:
            clients.licenses(MAIN, "remove", 100 + day * 3, 12)
            clients.call("POST", f"/v3/licenses/{MAIN}/assign", {"deviceList": list(UNKNOWN_DEVICES)})
        for place, (name, (total, _, step)) in enumerate(OTHERS.items()):
            change = 0 if weekend else min(step, total - others[name])
            if change:
                start = 10_000 * (place + 1) + (others[name] if change > 0 else others[name] + change)
                clients.licenses(name, "assign" if change > 0 else "remove", start, abs(change))
                others[name] += change
        run_special_day(clients, day)
        clients.control("POST", "/clock", {"advance": "P1D"})
    clients.day = DAYS
    clients.sign_in()


def run_special_day(clients: Clients, day: int) -> None:
    """Campaigns, candidates and changes of the subscription on certain days."""
    if day == 12:
        clients.campaign(name="Spring security", versions=("2.0", "2.1"), first=200, count=500, days=6)
    elif day == 24:
        reached = [_imei(number) for number in (5, 3, 8, 13, 21, 34, 55, 89)]
        clients.call("POST", f"/v2/licenses/{MAIN}/cancel", {"deviceList": reached})
    elif day == 30:
        clients.subscribe(1_400)
    elif day == 33:
        clients.subscribe(2_400)
        clients.licenses(MAIN, "assign", 0, 30)
    elif day == 50:
        waiting = [_imei(number) for number in (40, 41, 47, 52, 60, 61, 73, 88, 90, 91, 97, 99)]
        clients.call("POST", f"/v2/licenses/{MAIN}/cancel", {"deviceList": waiting})
    elif day == DAYS - 2:
        clients.campaign(name="Autumn radio", versions=("2.1", "2.2"), first=200, count=450, days=8)


@contextlib.contextmanager
def emulator() -> Iterator[str]:
    """Runs an emulator on a free port, with the same ids and times in each run; yields its address."""
    with tempfile.TemporaryDirectory(prefix="fotapool-screenshots-") as directory:
        file = Path(directory) / "seed.json"
        file.write_text(json.dumps(seed()))
        process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "fotapool.cli",
                "emulate",
                "--port",
                "0",
                "--seed",
                str(file),
                "--random-seed",
                "1",
                "--clock",
                BEGIN.isoformat(),
                "--operator-key",
                OPERATOR,
            ],
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            assert process.stdout is not None
            yield process.stdout.readline().split()[-1]
        finally:
            process.terminate()
            process.wait(20)


def pages() -> dict[str, tuple[str, int]]:
    """The screenshots by name: path of the page, and height in pixels."""
    account = f"/console/accounts/{MAIN}"
    return {
        "console-pools": ("/console/pools?order=used&down=1", 800),
        "console-account": (account, 1000),
        "console-subscription": (f"{account}/subscription?total=1750", 1100),
        "console-device": (f"{account}/devices/{DEVICE_WITH_HISTORY}", 900),
        "console-campaign": (f"{account}/campaigns", 1000),
        "console-clock": ("/console/emulator/clock", 900),
    }


def every_page() -> dict[str, str]:
    """The path of each page that a link in the side bar or a tab opens, by the name of its picture."""
    account = f"/console/accounts/{MAIN}"
    tabs = (
        "devices",
        "licenses",
        "candidates",
        "subscription",
        "campaigns",
        "files",
        "callbacks",
        "statements",
        "ledger",
    )
    top = (
        "overview",
        "pools",
        "search?q=9900",
        "campaigns",
        "callbacks",
        "billing",
        "alerts",
        "audit-log",
        "firmware",
        "system",
    )
    more = ("retention", "billing/reconciliation", "access", "access/clients", "access/operators", "access/sessions")
    emulator = ("clock", "requests", "faults", "snapshots")
    return {
        "account": account,
        **{f"account-{name}": f"{account}/{name}" for name in (*tabs, "device-keys", "fleet", "close")},
        "account-preview": f"{account}/subscription?total=1750",
        "firmware-package": "/console/firmware/Tracker-9_20To21",
        "device": f"{account}/devices/{DEVICE_WITH_HISTORY}",
        **{re.sub(r"\W", "-", name): f"/console/{name}" for name in (*top, *more)},
        **{f"emulator-{name}": f"/console/emulator/{name}" for name in emulator},
    }


def sign_in(browser: Browser, address: str, **options: Any) -> Page:
    """A page of the console after sign-in."""
    page = browser.new_context(base_url=address, reduced_motion="reduce", **options).new_page()
    page.goto("/console/sign-in")
    page.fill("#key", OPERATOR)
    page.click("button")
    return page


def capture_all(browser: Browser, address: str, directory: Path) -> list[str]:
    """Writes every page in each size and color scheme; returns the paths of pages that failed or are too wide."""
    directory.mkdir(parents=True, exist_ok=True)
    missing = []
    for width, height in SIZES:
        for scheme in ("light", "dark"):
            page = sign_in(browser, address, color_scheme=scheme, viewport={"width": width, "height": height})
            for name, path in every_page().items():
                answer = page.goto(path, wait_until="networkidle")
                is_wide = page.evaluate("document.documentElement.scrollWidth > innerWidth")
                if answer is None or answer.status != 200 or is_wide:
                    missing.append(f"{path} ({width}, {scheme})")
                page.screenshot(path=directory / f"{name}-{width}-{scheme}.png", full_page=True)
            page.context.close()
    return missing


def capture(browser: Browser, address: str) -> list[str]:
    """Writes the screenshots; returns the paths of pages that failed."""
    page = sign_in(browser, address, color_scheme="light")
    missing = []
    for name, (path, height) in pages().items():
        page.set_viewport_size({"width": WIDTH, "height": height})
        answer = page.goto(path, wait_until="networkidle")
        if answer is None or answer.status != 200:
            missing.append(path)
            continue
        if name == "console-campaign":
            page.locator("main tbody a[href*='/campaigns/']").first.click()
            page.wait_for_load_state("networkidle")
        if name == "console-clock":
            page.get_by_role("button", name="1 hour").click()
            page.wait_for_load_state("networkidle")
        shot = page.context.new_cdp_session(page).send("Page.captureScreenshot", {"format": "webp", "quality": QUALITY})
        image = base64.b64decode(shot["data"])
        (IMAGES / f"{name}.webp").write_bytes(image)
        sys.stdout.write(f"{name}.webp, {len(image) // 1024} KiB\n")
    return missing


def main() -> int:
    """Returns the exit code: 1 if a page failed, 2 without a browser."""
    chromium = os.environ.get("FOTAPOOL_TEST_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        sys.stderr.write("no browser found: apt-get install chromium, or set FOTAPOOL_TEST_CHROMIUM\n")
        return 2
    IMAGES.mkdir(exist_ok=True)
    with emulator() as address, sync_playwright() as playwright:
        simulate(Clients(address))
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        directory = Path(sys.argv[1]) if len(sys.argv) > 1 else None
        missing = capture_all(browser, address, directory) if directory else capture(browser, address)
        browser.close()
    sys.stdout.writelines(f"failed: {path}\n" for path in missing)
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
