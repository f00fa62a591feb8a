"""Backends and a gateway for a proxy in front of them, once per module: a proxy has a port of its own for each."""

import socket

import pytest

pytest.register_assert_rewrite("support.contract")

from support.front import API, AUTHORIZERS, PAGES, Front, Judge, Keyless, People, Refusing, Signing, started
from support.gateway import free_port
from support.identity_provider import IdentityProvider


@pytest.fixture(scope="module")
def judge(tmp_path_factory, issuer):
    judge = started(Judge, tmp_path_factory.mktemp("judge"), issuer)
    yield judge
    judge.stop()


@pytest.fixture(scope="module")
def keyless(tmp_path_factory, issuer):
    keyless = started(Keyless, tmp_path_factory.mktemp("keyless"), issuer)
    yield keyless
    keyless.stop()


@pytest.fixture(scope="module")
def signing(tmp_path_factory, issuer):
    signing = started(Signing, tmp_path_factory.mktemp("signing"), issuer)
    yield signing
    signing.stop()


@pytest.fixture(scope="module")
def module_provider():
    provider = IdentityProvider()
    yield provider
    provider.close()


@pytest.fixture
def provider(module_provider):
    module_provider.forget()
    yield module_provider
    assert module_provider.complaints == []


@pytest.fixture(scope="module")
def people(tmp_path_factory, issuer, module_provider):
    people = started(People, tmp_path_factory.mktemp("people"), issuer, module_provider, free_port())
    yield people
    people.stop()


@pytest.fixture
def refusing():
    refusing = Refusing()
    yield refusing
    refusing.close()


@pytest.fixture(scope="module")
def start_front(tmp_path_factory, judge, session_backend):
    """Starts proxies. `api` is another port of the API, `asks` one in the place of the authorizers'; behind it, the gateway is `down`
    or `silent`."""
    fronts = []
    mute = socket.create_server(("127.0.0.1", 0))
    closed = free_port()

    def start(name, command, edit=lambda text: text, api=0, asks=0, down=False, silent=False, judge=judge, port=0) -> Front:
        instead = closed if down else mute.getsockname()[1] if silent else asks
        asked = {kind: instead or port for kind, port in judge.authorizers.items()}
        ports = {AUTHORIZERS[kind]: port for kind, port in asked.items()}
        ports |= {API: api or session_backend.port, PAGES: judge.port}
        fronts.append(Front(tmp_path_factory.mktemp("front"), name, ports, command, edit, port))
        return fronts[-1]

    yield start
    for front in fronts:
        front.close()
    mute.close()
