"""Caddy of the distribution, with the file in deploy/integrations/caddy."""

import pytest

from support.contract import Browsers, Contract
from support.front import caddy


@pytest.fixture(scope="module")
def front(start_front):
    return start_front("caddy", caddy)


@pytest.fixture
def start(start_front):
    def start(silent=False, **more):
        impatient = (lambda text: text.replace("response_header_timeout 10s", "response_header_timeout 1s")) if silent else str
        return start_front("caddy", caddy, impatient, silent=silent, **more)
    return start


class TestCaddy(Contract):
    pass


@pytest.fixture(scope="module")
def site(start_front, people):
    return start_front("caddy", caddy, judge=people, port=people.front_port)


class TestPeopleBehindCaddy(Browsers):
    pass
