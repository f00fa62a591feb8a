"""The fixtures, and the closing count.

One gateway with one configuration serves most tests; a test that needs another configuration starts its own with
`start_gateway`. The backends forget what they saw before every test.
"""

import os

import pytest

from support.backend import Backend
from support.demo import Demo
from support.gateway import REQUEST_CONTEXT, Gateway
from support.grpc_service import SERVICE, Partners
from support.issuer import Issuer
from support.sockets import EchoSockets

def kept(server):
    """A server for the whole session."""
    yield server
    server.close()


@pytest.fixture(scope="session")
def issuer():
    yield from kept(Issuer())


@pytest.fixture(scope="session")
def session_backend():
    yield from kept(Backend())


@pytest.fixture(scope="session")
def session_sockets():
    yield from kept(EchoSockets())


@pytest.fixture(scope="session")
def session_partners():
    yield from kept(Partners())


@pytest.fixture
def backend(session_backend):
    session_backend.forget()
    return session_backend


@pytest.fixture
def sockets(session_sockets):
    session_sockets.forget()
    return session_sockets


@pytest.fixture
def partners(session_partners):
    session_partners.forget()
    return session_partners


@pytest.fixture(scope="session")
def gateway(tmp_path_factory, issuer, session_backend, session_sockets, session_partners):
    gateway = Gateway(tmp_path_factory.mktemp("gateway"), {
        "issuers": issuer.section,
        "upstreams": [
            {"name": "partner-api", "endpoints": [session_backend.url]},
            {"name": "sockets", "endpoints": [session_sockets.url]},
            {"name": "grpc", "endpoints": [session_partners.url], "protocol": "http2"},
        ],
        "routes": [
            {"path": "/healthz", "upstream": "partner-api", "require": "public"},
            {"prefix": "/public/", "upstream": "partner-api", "require": "public"},
            {"path": "/read-only", "upstream": "partner-api", "methods": ["GET"]},
            {"prefix": "/v1/", "upstream": "partner-api", "require": "mfa", "app_only": "allow"},
            {"prefix": "/people-only/", "upstream": "partner-api", "app_only": "deny"},
            {"prefix": "/tokenless/", "upstream": "partner-api", "authorization": "remove"},
            {"prefix": "/ws/", "upstream": "sockets"},
            {"prefix": f"/{SERVICE}/", "upstream": "grpc"},
        ],
        "refusals": {"request_context": REQUEST_CONTEXT},
    })
    yield gateway
    gateway.stop()


@pytest.fixture
def start_gateway(tmp_path, issuer):
    """Starts gateways with upstreams and routes of the test's own; the issuer is there already."""
    started = []

    def start(**config) -> Gateway:
        started.append(Gateway(tmp_path, {"issuers": issuer.section, **config}))
        return started[-1]

    yield start
    for gateway in started:
        gateway.stop()


@pytest.fixture(scope="session")
def session_demo():
    demo = Demo()
    yield demo
    demo.stop()


@pytest.fixture
def demo(session_demo):
    assert session_demo.process.poll() is None, "the demo ended by itself"
    return session_demo


# The count that `run` ends with: a test that failed in its set-up or clean-up failed.

_passed: set[str] = set()
_failed: set[str] = set()


def pytest_runtest_logreport(report):
    if report.failed:
        _failed.add(report.nodeid)
    elif report.when == "call" and report.passed:
        _passed.add(report.nodeid)


def pytest_collectreport(report):
    if report.failed:
        _failed.add(report.nodeid)


def pytest_sessionfinish(session):
    # Of several processes, the one that hears of all tests counts.
    if hasattr(session.config, "workerinput"):
        return
    if path := os.environ.get("E2E_SUMMARY"):
        with open(path, "w", encoding="utf-8") as summary:
            print(f"e2e: {len(_passed - _failed)} passed, {len(_failed)} failed", file=summary)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item):
    """Shows the end of the gateway's log beside a failure."""
    report = yield
    if report.failed:
        for gateway in getattr(item, "funcargs", {}).values():
            if isinstance(gateway, Gateway):
                lines = gateway.log.read_text(errors="replace").splitlines()
                report.sections.append(("the gateway's log", "\n".join(lines[-15:])))
    return report
