"""Bodies stream both ways, without delay and without filling memory."""

import time

import httpx
import pytest

from support import http2
from support.backend import BLOCK, DOWNLOAD_BLOCKS
from support.curl import curl
from support.http1 import Connection, call, request

MB = 1024 * 1024
# What sockets and HTTP/2 windows may hold on the way; far below what flows without back-pressure.
BUFFERS = 48 * MB


@pytest.fixture
def own_gateway(start_gateway, backend):
    """A gateway whose memory nothing else has filled."""
    return start_gateway(
        upstreams=[{"name": "partner-api", "endpoints": [backend.url]}],
        routes=[{"prefix": "/v1/", "upstream": "partner-api"}],
        # What a client had sent already still flows to a slow backend after it went away: the deadline ends that.
        timeouts={"drain": "3s"},
    )


@pytest.mark.parametrize("http2", [False, True], ids=["http1", "http2"])
def test_a_download_of_100_mb_passes_in_little_memory(own_gateway, issuer, backend, http2):
    headers = {"Authorization": f"Bearer {issuer.jane()}"}
    received = 0
    with httpx.Client(http1=not http2, http2=http2) as client:
        with client.stream("GET", f"{own_gateway.url}/v1/download", headers=headers) as response:
            assert response.status_code == 200
            assert int(response.headers["Content-Length"]) == DOWNLOAD_BLOCKS * len(BLOCK)
            for part in response.iter_raw():
                start = received % 256
                assert part[:64] == (BLOCK[start:] + BLOCK)[:64][: len(part)]
                received += len(part)
    assert received == DOWNLOAD_BLOCKS * len(BLOCK)
    assert own_gateway.memory_peak() < 100 * MB


def test_a_client_that_stops_reading_stops_the_backend(own_gateway, issuer, backend):
    with Connection(own_gateway.port, receive_buffer=65536) as connection:
        connection.send(request("GET", "/v1/endless", issuer.jane()))
        assert connection.head().status == 200
        connection.chunk()
        time.sleep(1.5)
        sent = backend.bytes_sent
        assert sent < BUFFERS
        time.sleep(0.5)
        assert backend.bytes_sent == sent, "it goes on although nobody reads"
    assert own_gateway.memory_peak() < 100 * MB


def test_a_backend_that_takes_its_time_slows_an_endless_upload(own_gateway, issuer, backend):
    part = b"%x\r\n%s\r\n" % (len(BLOCK), BLOCK)
    sent, end = 0, time.monotonic() + 3
    with Connection(own_gateway.port, timeout=0.2) as connection:
        headers = [("Transfer-Encoding", "chunked")]
        connection.send(request("POST", "/v1/slow-upload", issuer.jane(), headers=headers))
        while time.monotonic() < end:
            try:
                sent += connection.socket.send(part[sent % len(part):])
            except TimeoutError:
                pass
        taken = backend.only_request.body_size
    assert 0 < taken < sent < taken + BUFFERS
    assert own_gateway.memory_peak() < 100 * MB


@pytest.mark.parametrize("target", ["/v1/slow-upload", "/v1/orders"])
def test_a_client_that_goes_away_ends_the_request_at_the_backend(gateway, issuer, backend, target):
    with Connection(gateway.port) as connection:
        headers = [("Transfer-Encoding", "chunked")]
        connection.send(request("POST", target, issuer.jane(), headers=headers) + b"5\r\nhello\r\n")
        wait_for(lambda: backend.requests)
    wait_for(lambda: backend.only_request.cut_short)


def wait_for(condition, within: float = 5):
    end = time.monotonic() + within
    while not condition():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.02)


@pytest.mark.parametrize("http2", [False, True], ids=["http1", "http2"])
def test_server_sent_events_arrive_at_once(gateway, issuer, backend, http2):
    headers = {"Authorization": f"Bearer {issuer.jane()}", "Accept": "text/event-stream"}
    arrivals = {}
    with httpx.Client(http1=not http2, http2=http2) as client:
        with client.stream("GET", f"{gateway.url}/v1/sse", headers=headers) as response:
            assert response.headers["Content-Type"] == "text/event-stream"
            for line in response.iter_lines():
                if line:
                    arrivals[int(line.removeprefix("data: "))] = time.monotonic()
    assert list(arrivals) == list(range(6))
    delays = [arrivals[number] - sent for number, sent in enumerate(backend.event_times)]
    assert max(delays) < 0.2, delays


def test_chunked_answers_stay_chunked(gateway, issuer, backend):
    response = call(gateway.port, "/v1/chunked", issuer.jane())
    assert response.body == b"one two three"
    assert response.fields.one("Transfer-Encoding") == "chunked"


def test_trailers_of_the_answer_reach_the_client(gateway, issuer, backend):
    response = call(gateway.port, "/v1/trailers", issuer.jane(), headers=[("TE", "trailers"), ("Connection", "TE")])
    assert response.body == b"counted"
    assert response.trailers.one("X-Checksum") == "7"
    response = http2.call(gateway.port, "/v1/trailers", issuer.jane(), headers=[("te", "trailers")])
    assert response.body == b"counted"
    assert response.trailers.one("x-checksum") == "7"


def test_early_hints_arrive_before_the_answer(gateway, issuer, backend):
    response = call(gateway.port, "/v1/early-hints", issuer.jane())
    assert (response.status, response.body) == (200, b"the page")
    assert [hint.status for hint in response.interim] == [103]
    assert response.interim[0].fields.one("Link") == "</style.css>; rel=preload; as=style"


def test_a_permitted_upload_is_asked_to_continue(gateway, issuer, backend):
    headers = [("Expect", "100-continue"), ("Content-Length", "5")]
    with Connection(gateway.port, timeout=5) as connection:
        connection.send(request("POST", "/v1/orders", issuer.jane(), headers=headers))
        assert connection.head().status == 100
        connection.send(b"hello")
        assert connection.response().status == 200
    assert backend.only_request.body == b"hello"


@pytest.mark.parametrize("who", ["nobody", "john", "expired"])
def test_a_refused_upload_is_never_asked_to_continue(gateway, issuer, backend, who):
    token = {"nobody": None, "john": issuer.john(), "expired": issuer.jane(exp=1)}[who]
    headers = [("Expect", "100-continue"), ("Content-Length", "5000000")]
    with Connection(gateway.port, timeout=5) as connection:
        connection.send(request("POST", "/v1/orders", token, headers=headers))
        response = connection.response()
    assert (response.status, response.interim) == (401, [])
    assert backend.saw_nothing


def test_curl_never_sends_the_body_of_a_refused_upload(gateway, issuer, backend, tmp_path):
    file = tmp_path / "upload"
    file.write_bytes(bytes(5_000_000))
    response = curl(
        "-H", f"Authorization: Bearer {issuer.john()}", "-H", "Expect: 100-continue", "--expect100-timeout", "5",
        "--data-binary", f"@{file}", f"{gateway.url}/v1/orders",
    )
    assert (response.status, response.interim) == (401, [])
    assert backend.saw_nothing


def test_a_refused_upload_is_answered_before_its_body(gateway, issuer, backend):
    headers = [("Content-Length", "100000000")]
    with Connection(gateway.port, timeout=5) as connection:
        connection.send(request("POST", "/v1/orders", issuer.john(), headers=headers) + b"only the start")
        assert connection.response().status == 401
    assert backend.saw_nothing
