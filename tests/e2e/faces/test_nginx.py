"""nginx of the distribution, with the snippets in deploy/integrations/nginx."""

import pytest

from support.contract import Browsers, Contract
from support.front import nginx
from support.http1 import call


@pytest.fixture(scope="module")
def front(start_front):
    return start_front("nginx", nginx)


@pytest.fixture
def start(start_front):
    def start(silent=False, **more):
        impatient = (lambda text: text.replace("proxy_read_timeout 10s", "proxy_read_timeout 1s")) if silent else str
        return start_front("nginx", nginx, impatient, silent=silent, **more)
    return start


class TestNginx(Contract):
    def test_nginx_says_that_it_asks_for_a_refusal_again(self, start, backend, issuer, refusing):
        front = start(asks=refusing.port)
        assert call(front.port, "/v1/x", issuer.jane(), headers=[("X-Original-Refused", "no")]).status == 403
        assert [fields.get("X-Original-Refused") for fields in refusing.asked] == [None, "1"]
        assert backend.saw_nothing


def with_cookies(text: str) -> str:
    """As the snippet says for a site where people sign in."""
    return text.replace("# proxy_set_header Cookie", "proxy_set_header Cookie")


@pytest.fixture(scope="module")
def site(start_front, people):
    return start_front("nginx", nginx, with_cookies, judge=people, port=people.front_port)


class TestPeopleBehindNginx(Browsers):
    pass
