"""Makes the pictures of the operators' site in the documents: the gateway with a week of counted requests, in Chromium.

    cargo build --release && tests/e2e/run --collect-only -q     # once: what the tests install is used here
    target/e2e-venv/bin/python docs/screenshots/make.py

The names are those of the demo. Counts of earlier days are written into the store, since nobody wants to wait a week.
"""

import os
import random
import shutil
import sqlite3
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
os.environ.setdefault("MFA_GATEWAY_BIN", str(ROOT / "target/release/mfa-gateway"))
os.environ.setdefault("E2E_BROWSER", shutil.which("chromium") or shutil.which("google-chrome") or "")
sys.path.insert(0, str(ROOT / "tests/e2e"))

import httpx  # noqa: E402
from playwright.sync_api import sync_playwright  # noqa: E402
from support.browser import launch  # noqa: E402
from support.identity_provider import AGENTS, IdentityProvider, person  # noqa: E402
from support.pages import Pages  # noqa: E402
from support.site import Site  # noqa: E402

TENANT = "df845f1a-7b35-40a2-ba78-6481de91f8ae"
APPLICATIONS = {"23ec45a3-5127-4185-9eff-c8887839e6ab": 0.97, "9f7a1c52-3b0e-4c55-8d1a-6f0a2d9be7c4": 0.55}
# What is shown, and in which file: the page, the scheme, the size, and whether all of it.
SHOTS = [
    ("/", "overview.png", "light", (1200, 860)),
    ("/", "overview-dark.png", "dark", (1200, 860)),
    ("/site/report", "report.png", "light", (1200, 1100)),
]


def main():
    provider, pages, folder = IdentityProvider(), Pages(), Path(tempfile.mkdtemp())
    provider.person = person("Jane", "always", AGENTS)
    site = Site(folder, provider, pages, report={}, routes=routes(), exceptions=exceptions(),
                exception_requests={"request": ["agent"], "approve": ["agent"]})
    try:
        traffic(site, provider)
        seed(folder / "state" / "store.sqlite3")
        shoot(site)
    finally:
        site.stop()
        shutil.rmtree(folder)


def routes() -> list[dict]:
    return [
        {"prefix": "/v1/", "upstream": "api", "mode": "report"},
        {"prefix": "/v1/customers/", "upstream": "api"},
        {"path": "/healthz", "upstream": "api", "require": "public"},
    ]


def exceptions() -> list[dict]:
    ends = time.strftime("%Y-%m-%dT00:00:00Z", time.gmtime(time.time() + 9 * 86400))
    return [{"id": "billing-client", "owner": "jane@contoso.example", "reason": "The client can't do MFA before its update",
             "application": "9f7a1c52-3b0e-4c55-8d1a-6f0a2d9be7c4", "expires": ends}]


def traffic(site, provider):
    """A few requests of today, so that the list behind the numbers has some."""
    for who, mfa, count in (("Jane", True, 9), ("Trent", True, 6), ("John", False, 4)):
        token = provider.access_token({"person": person(who, "always"), "mfa": mfa})
        for number in range(count):
            path = "/v1/customers/" if number % 2 else "/v1/invoices"
            httpx.get(f"{site.url}{path}", headers={"Authorization": f"Bearer {token}"})
    httpx.get(f"{site.url}/v1/invoices")


def seed(store: Path):
    """Counts of the days before, as the gateway would have written them."""
    chance = random.Random(7)
    today = int(time.time()) // 86400
    with sqlite3.connect(store, timeout=10) as connection:
        for back in range(1, 7):
            for application, share in APPLICATIONS.items():
                for credential, route, of_route in (("session", "/commerce/", 0.94), ("bearer", "/v1/", share)):
                    requests = chance.randrange(300, 900)
                    with_mfa = int(requests * min(1, of_route - 0.035 * back + chance.random() * 0.02))
                    add(connection, today - back, credential, application, route, "with_mfa", with_mfa)
                    add(connection, today - back, credential, application, route, "report_only", (requests - with_mfa) * 2 // 3)
                    add(connection, today - back, credential, application, route, "refused", (requests - with_mfa) // 3)
            add(connection, today - back, "bearer", "c6a8e1d4-70b2-4e39-8f5d-2a9b6c1e0d73", "/v1/", "app_only", 240)


def add(connection, day: int, credential: str, application: str, route: str, outcome: str, count: int):
    for span in (0, 1, 8, 64):
        add_to(connection, span, day // max(span, 1) * max(span, 1), credential, "" if span == 0 else application,
               "" if span == 0 else route, outcome, count)


def add_to(connection, span: int, day: int, credential: str, application: str, route: str, outcome: str, count: int):
    row = {"span": span, "day": day, "issuer": "idp", "tenant": TENANT, "application": application, "credential": credential,
           "route": route, "outcome": outcome, "exception": "", "count": count}
    marks = ", ".join("?" for _ in row)
    conflict = "ON CONFLICT DO UPDATE SET count = count + excluded.count"
    connection.execute(f"INSERT INTO mfa_tally ({', '.join(row)}) VALUES ({marks}) {conflict}", list(row.values()))


def shoot(site):
    with sync_playwright() as playwright:
        browser = launch(playwright)
        for path, name, scheme, (width, height) in SHOTS:
            context = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": height})
            page = context.new_page()
            page.goto(site.at(path))
            assert page.title().endswith("mfa-gateway"), page.title()
            page.screenshot(path=HERE / name)
            size = (HERE / name).stat().st_size
            assert size <= 150 * 1024, f"{name} has {size} bytes"
            print(HERE / name, size)
            context.close()
        ask(browser, site)
        browser.close()


def ask(browser, site):
    """Jane asks for an exception, and sees the page that another person answers on."""
    page = browser.new_context(viewport={"width": 1200, "height": 1000}).new_page()
    page.goto(site.at("/site/exceptions/new"))
    page.get_by_label("Client software can't do MFA").check()
    for label, text in (("Application", "9f7a1c52-3b0e-4c55-8d1a-6f0a2d9be7c4"), ("Tenant", TENANT), ("Owner", "Finance systems"),
                        ("Reason", "Ledger 4.2 can't show a sign-in page before its update in December."),
                        ("Ticket", "CHG-1042"), ("Client software", "Ledger 4.2"), ("Purchase order", "PO-20261129")):
        page.get_by_label(label, exact=True).fill(text)
    page.get_by_label("Ends (UTC)").fill(time.strftime("%Y-%m-%dT00:00", time.gmtime(time.time() + 21 * 86400)))
    page.get_by_role("button", name="Ask").click()
    page.wait_for_url("**/site/exceptions/granted-*")
    page.screenshot(path=HERE / "exception.png")


if __name__ == "__main__":
    main()
