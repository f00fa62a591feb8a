"""The fixtures of sign-in: a provider that each test may bend, the upstream's pages, and a gateway between them."""

import pytest
from playwright.sync_api import Page, sync_playwright

from support.authority import Authority
from support.browser import launch
from support.identity_provider import IdentityProvider
from support.pages import Pages
from support.portal import Portal


@pytest.fixture(scope="session")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"), "the tests' own")


@pytest.fixture(scope="session")
def session_provider():
    provider = IdentityProvider()
    yield provider
    provider.close()


@pytest.fixture(scope="session")
def session_pages():
    pages = Pages()
    yield pages
    pages.close()


@pytest.fixture(scope="session")
def session_portal(tmp_path_factory, authority, session_provider, session_pages, session_sockets):
    portal = Portal(tmp_path_factory.mktemp("portal"), authority, session_provider, session_pages, session_sockets)
    yield portal
    portal.stop()


@pytest.fixture
def provider(session_provider):
    session_provider.forget()
    yield session_provider
    assert session_provider.complaints == []


@pytest.fixture
def pages(session_pages):
    session_pages.forget()
    return session_pages


@pytest.fixture
def portal(session_portal, provider, pages, sockets):
    return session_portal


@pytest.fixture
def start_portal(tmp_path, authority, provider, pages, session_sockets):
    """Starts gateways of a test's own. Those of one folder share their state and their keys."""
    started = []

    def start(folder=tmp_path, at=provider, **changes) -> Portal:
        folder.mkdir(exist_ok=True)
        started.append(Portal(folder, authority, at, pages, session_sockets, **changes))
        return started[-1]

    yield start
    for portal in started:
        portal.stop()


@pytest.fixture
def visitor(portal):
    return portal.visitor()


# By module: while Playwright runs, nothing else in the thread may run an asyncio loop.
@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as playwright:
        browser = launch(playwright)
        yield browser
        browser.close()


@pytest.fixture
def open_browser(browser, request, tmp_path):
    """Opens a person's browser: a page of a context of its own, whose faults are kept. A failure leaves pictures."""
    contexts = []

    def start(javascript: bool = True, scheme: str = "light", width: int = 1000) -> Page:
        context = browser.new_context(
            ignore_https_errors=True, java_script_enabled=javascript, color_scheme=scheme, viewport={"width": width, "height": 800},
        )
        context.set_default_timeout(8000)
        contexts.append(context)
        page = context.new_page()
        page.faults = []
        page.on("console", lambda message: message.type == "error" and page.faults.append(message.text))
        page.on("pageerror", lambda error: page.faults.append(str(error)))
        return page

    failed = request.session.testsfailed
    yield start
    for number, context in enumerate(contexts):
        if request.session.testsfailed > failed:
            for page in context.pages:
                page.screenshot(path=tmp_path / f"{number}.png")
                print(f"{page.url}: a picture is in {tmp_path}")
        context.close()
