"""gRPC passes over HTTP/2 end to end: unary, server streaming and both ways at once, status and trailers intact."""

import queue
import time

import grpc
import pytest

from support.grpc_service import SERVICE


@pytest.fixture
def channel(gateway):
    with grpc.insecure_channel(f"127.0.0.1:{gateway.port}", options=[("grpc.enable_http_proxy", 0)]) as channel:
        yield channel


def bearer(token: str):
    return [("authorization", f"Bearer {token}")]


def test_a_unary_call(channel, issuer, partners):
    echo = channel.unary_unary(f"/{SERVICE}/Echo")
    message, call = echo.with_call(b"hello", metadata=bearer(issuer.jane()), timeout=5)
    assert message == b"hello"
    assert call.code() is grpc.StatusCode.OK
    assert ("x-cost", "5") in [(item.key, item.value) for item in call.trailing_metadata()]


def test_a_large_unary_call(channel, issuer, partners):
    message = bytes(range(256)) * 12_000  # 3 MB
    assert channel.unary_unary(f"/{SERVICE}/Echo")(message, metadata=bearer(issuer.jane()), timeout=10) == message


def test_the_service_sees_who_is_calling(channel, issuer, partners):
    metadata = [*bearer(issuer.jane()), ("x-auth-request-user", "attacker"), ("x-tenant-bin", b"\x00\x01")]
    channel.unary_unary(f"/{SERVICE}/Echo")(b"hello", metadata=metadata, timeout=5)
    seen = partners.metadata[0]
    assert [value for key, value in seen if key == "x-auth-request-user"] == ["jane-7f1c"]
    assert ("x-tenant-bin", b"\x00\x01") in seen


def test_a_failed_call_keeps_its_status_details_and_trailers(channel, issuer, partners):
    with pytest.raises(grpc.RpcError) as failure:
        channel.unary_unary(f"/{SERVICE}/Fail")(b"", metadata=bearer(issuer.jane()), timeout=5)
    assert failure.value.code() is grpc.StatusCode.NOT_FOUND
    assert failure.value.details() == "no such customer: Zoë"
    assert ("x-hint", "look elsewhere") in [(item.key, item.value) for item in failure.value.trailing_metadata()]


def test_an_unknown_method_is_the_services_answer(channel, issuer, partners):
    with pytest.raises(grpc.RpcError) as failure:
        channel.unary_unary(f"/{SERVICE}/Nothing")(b"", metadata=bearer(issuer.jane()), timeout=5)
    assert failure.value.code() is grpc.StatusCode.UNIMPLEMENTED


def test_a_stream_of_answers_arrives_as_it_is_made(channel, issuer, partners):
    arrived = []
    for number in channel.unary_stream(f"/{SERVICE}/Count")(b"5", metadata=bearer(issuer.jane()), timeout=5):
        arrived.append((number, time.monotonic()))
    assert [number for number, _ in arrived] == [b"0", b"1", b"2", b"3", b"4"]
    delays = [at - sent for (_, at), sent in zip(arrived, partners.sent_at, strict=True)]
    assert max(delays) < 0.2, delays


def test_both_sides_talk_at_once(channel, issuer, partners):
    to_send = queue.SimpleQueue()
    answers = channel.stream_stream(f"/{SERVICE}/Chat")(
        iter(to_send.get, None), metadata=bearer(issuer.jane()), timeout=5
    )
    for word in (b"one", b"two", b"three"):
        to_send.put(word)
        assert next(answers) == b"you said " + word
    to_send.put(None)
    assert list(answers) == []
    assert answers.code() is grpc.StatusCode.OK


def test_a_deadline_of_the_client_ends_the_call(channel, issuer, partners):
    with pytest.raises(grpc.RpcError) as failure:
        list(channel.unary_stream(f"/{SERVICE}/Count")(b"50", metadata=bearer(issuer.jane()), timeout=0.5))
    assert failure.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED


@pytest.mark.parametrize("who", ["nobody", "john", "expired"])
def test_a_call_without_mfa_is_unauthenticated(channel, issuer, partners, who):
    metadata = {"nobody": [], "john": bearer(issuer.john()), "expired": bearer(issuer.jane(exp=1))}[who]
    with pytest.raises(grpc.RpcError) as failure:
        channel.unary_unary(f"/{SERVICE}/Echo")(b"hello", metadata=metadata, timeout=5)
    assert failure.value.code() is grpc.StatusCode.UNAUTHENTICATED
    reason = {"nobody": "no_credential", "john": "mfa_missing", "expired": "token_expired"}[who]
    assert failure.value.details().endswith(f"({reason})")
    metadata = {item.key: item.value for item in failure.value.initial_metadata() or ()}
    metadata |= {item.key: item.value for item in failure.value.trailing_metadata() or ()}
    assert metadata["www-authenticate"].startswith("Bearer") and metadata["ms-requestid"]
    assert partners.metadata == []


def test_an_unknown_service_is_unimplemented(channel, issuer, partners):
    with pytest.raises(grpc.RpcError) as failure:
        channel.unary_unary("/unknown.Service/Get")(b"", metadata=bearer(issuer.jane()), timeout=5)
    assert failure.value.code() is grpc.StatusCode.UNIMPLEMENTED
    assert failure.value.details().endswith("(no_route)")


def test_streams_of_one_connection_are_judged_one_by_one(channel, issuer, partners):
    echo = channel.unary_unary(f"/{SERVICE}/Echo")
    tokens = [issuer.jane(), issuer.john()] * 10
    calls = [echo.future(b"hello", metadata=bearer(token), timeout=10) for token in tokens]
    codes = [call.code() for call in calls]
    assert codes == [grpc.StatusCode.OK, grpc.StatusCode.UNAUTHENTICATED] * 10
    assert len(partners.metadata) == 10
