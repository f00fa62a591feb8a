"""The fixtures of sign-in: a provider that each test may bend, the upstream's pages, and a gateway between them."""

import pytest

from support.authority import Authority
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
