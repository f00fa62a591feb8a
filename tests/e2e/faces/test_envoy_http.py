"""Envoy with the file in deploy/integrations/envoy that asks over HTTP."""

import pytest

from support.contract import Browsers, Contract
from support.front import envoy

FILE = envoy("envoy-http.yaml")


def patient(text: str) -> str:
    """The machine of the tests may have much else to do."""
    assert "timeout: 1s" in text
    return text.replace("timeout: 1s", "timeout: 10s")


@pytest.fixture(scope="module")
def front(start_front):
    return start_front("envoy", FILE, patient)


@pytest.fixture
def start(start_front):
    def start(silent=False, **more):
        return start_front("envoy", FILE, str if silent else patient, silent=silent, **more)
    return start


class TestEnvoyOverHttp(Contract):
    FORWARDS_503 = False


@pytest.fixture(scope="module")
def site(start_front, people):
    return start_front("envoy", FILE, patient, judge=people, port=people.front_port)


class TestPeopleBehindEnvoyOverHttp(Browsers):
    # Envoy joins them with a comma.
    TELLS_COOKIE_FIELDS_APART = False
