"""Envoy with the file in deploy/integrations/envoy that asks over gRPC."""

import grpc
import pytest

from support.contract import Browsers, Contract
from support.front import envoy
from support.grpc_service import SERVICE

FILE = envoy("envoy.yaml")


def patient(text: str) -> str:
    """The machine of the tests may have much else to do."""
    assert "timeout: 1s" in text
    return text.replace("timeout: 1s", "timeout: 10s")


def for_grpc(text: str) -> str:
    """The API's cluster speaks HTTP/2, as the gateway's does."""
    if "grpc_service" not in text:
        return text
    before, cluster, after = patient(text).partition("    - name: mfa_gateway\n")
    options = after[after.index("      typed_extension"):after.index("      circuit_breakers")]
    return (before + cluster + after).replace("      # For a gRPC service", f"{options}      # For a gRPC service")


@pytest.fixture(scope="module")
def front(start_front):
    return start_front("envoy", FILE, patient)


@pytest.fixture
def start(start_front):
    def start(silent=False, **more):
        return start_front("envoy", FILE, str if silent else patient, silent=silent, **more)
    return start


class TestEnvoy(Contract):
    """What every proxy must hold."""


@pytest.fixture(scope="module")
def site(start_front, people):
    return start_front("envoy", FILE, patient, judge=people, port=people.front_port)


class TestPeopleBehindEnvoy(Browsers):
    pass


@pytest.fixture(scope="module")
def channel(start_front, session_partners):
    front = start_front("envoy", FILE, for_grpc, api=session_partners.port)
    with grpc.insecure_channel(f"127.0.0.1:{front.port}", options=[("grpc.enable_http_proxy", 0)]) as channel:
        yield channel


def bearer(token: str, *more):
    return [("authorization", f"Bearer {token}"), *more]


class TestServicesBehindEnvoy:
    def test_a_call_passes_with_the_callers_identity(self, channel, issuer, partners):
        forged = [("x-auth-request-user", "forged"), ("x_auth_request_user", "forged"), ("remote-user", "forged")]
        echo = channel.unary_unary(f"/{SERVICE}/Echo")
        assert echo(b"hello", metadata=bearer(issuer.jane(), *forged), timeout=5) == b"hello"
        [seen] = partners.metadata
        assert [value for key, value in seen if key == "x-auth-request-user"] == ["jane-7f1c"]
        assert "forged" not in [value for _, value in seen]

    def test_streams_go_both_ways(self, channel, issuer, partners):
        chat = channel.stream_stream(f"/{SERVICE}/Chat")
        assert list(chat(iter([b"a", b"b"]), metadata=bearer(issuer.jane()), timeout=5)) == [b"you said a", b"you said b"]

    @pytest.mark.parametrize("who, words", [(None, "no access token"), ("john", "MFA required")])
    def test_a_refused_call_gets_a_status_of_grpc(self, channel, issuer, partners, who, words):
        metadata = bearer(getattr(issuer, who)()) if who else []
        with pytest.raises(grpc.RpcError) as failure:
            channel.unary_unary(f"/{SERVICE}/Echo")(b"hello", metadata=metadata, timeout=5)
        assert failure.value.code() is grpc.StatusCode.UNAUTHENTICATED
        assert words in failure.value.details()
        assert partners.metadata == []
