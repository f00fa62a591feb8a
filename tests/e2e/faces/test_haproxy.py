"""HAProxy of the distribution, with the files in deploy/integrations/haproxy."""

import re
import ssl
from pathlib import Path

import pytest

from support.authority import Authority
from support.contract import Browsers, Contract
from support.front import haproxy
from support.http1 import Connection, call, request


@pytest.fixture(scope="module")
def front(start_front):
    return start_front("haproxy", haproxy)


@pytest.fixture
def start(start_front):
    def start(silent=False, **more):
        impatient = (lambda text: text.replace("timeout server 10s", "timeout server 1s")) if silent else str
        return start_front("haproxy", haproxy, impatient, silent=silent, **more)
    return start


class TestHaproxy(Contract):
    DROPS_TRAILERS = False
    ODD_LETTERS = Contract.ODD_LETTERS + "*`._"

    def test_a_script_that_fails_permits_nothing(self, start_front, backend, issuer):
        def broken(text):
            return text.replace("local answer = ", 'error("broken") local answer = ')

        front = start_front("haproxy", haproxy, broken)
        assert call(front.port, "/v1/x", issuer.jane()).status >= 500
        assert backend.saw_nothing

    def test_the_gateway_learns_the_scheme(self, start_front, tmp_path, refusing):
        certificate, key = Authority(tmp_path, "ca").issue("localhost")
        both = tmp_path / "both.pem"
        both.write_text(Path(certificate).read_text() + Path(key).read_text())
        for tls, scheme in ((f"ssl crt {both}", "https"), ("", "http")):
            front = start_front("haproxy", haproxy, lambda text, tls=tls: re.sub(r"(bind :[0-9]+)\n", rf"\1 {tls}\n", text, count=1), asks=refusing.port)
            context = ssl.create_default_context(cafile=tmp_path / "ca.crt") if tls else None
            with Connection(front.port, tls=context) as connection:
                connection.send(request("GET", "/v1/x"))
                assert connection.response().status == 403
            assert refusing.asked[-1]["X-Forwarded-Proto"] == scheme


@pytest.fixture(scope="module")
def site(start_front, people):
    return start_front("haproxy", haproxy, judge=people, port=people.front_port)


class TestPeopleBehindHaproxy(Browsers):
    pass
