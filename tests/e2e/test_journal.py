"""The logs of decisions and of answered requests: nothing is missing, and nothing secret is in them."""

import json
import os
import signal
import socket
from concurrent.futures import ThreadPoolExecutor
from threading import Thread

import pytest

from support.gateway import BINARY, Gateway
from support.http1 import Connection, call, request
from support.journal import VALIDATORS, lines, metric, until

# A debug build takes too long for all of them.
REQUESTS = int(os.environ.get("E2E_JOURNAL_REQUESTS", 10_000 if "/debug/" in BINARY else 100_000))


@pytest.fixture
def journaled(start_gateway, backend, tmp_path):
    """A gateway that logs everything, and where."""
    folder = tmp_path / "logs"
    folder.mkdir()
    gateway = start_gateway(
        upstreams=[{"name": "partner-api", "endpoints": [backend.url]}],
        routes=[{"path": "/healthz", "upstream": "partner-api", "require": "public"},
                {"prefix": "/v1/", "upstream": "partner-api"}],
        log={"decisions": "all", "decision_output": str(folder / "decisions.jsonl"),
             "access_output": str(folder / "access.jsonl")},
    )
    return gateway, folder


def stopped(gateway: Gateway):
    gateway.terminate()
    assert gateway.process.wait(10) == 0


def test_every_line_is_as_its_schema_says_and_nothing_secret_is_in_one(journaled, issuer, backend):
    gateway, folder = journaled
    tokens = [None, issuer.jane(), issuer.john(auth_time=1_700_000_000), issuer.daemon(), issuer.jane(exp=1)]
    targets = ["/healthz?secret=1", "/v1/secret", "/v1/secret?secret=1", "/secret", "/v1//secret"]
    for token in tokens:
        for target in targets:
            call(gateway.port, target, token)
    call(gateway.port, "/v1/secret", issuer.jane(), headers=[("Cookie", "secret=1"), ("Referer", "http://secret/")])
    stopped(gateway)
    decisions, accesses = lines(folder / "decisions.jsonl"), lines(folder / "access.jsonl")
    assert (len(decisions), len(accesses)) == (3 * 5 + 1, 5 * 5 + 1)
    for name, found in (("decision", decisions), ("access", accesses)):
        for line in found:
            VALIDATORS[name].validate(line)
    # Which endpoint responded, or none did.
    for line in accesses:
        responded = ("partner-api", backend.url.removeprefix("http://")) if line["result"] == "permitted" else (None, None)
        assert (line["upstream"], line["endpoint"]) == responded, line
    text = "".join((folder / name).read_text() for name in ("decisions.jsonl", "access.jsonl")).lower()
    assert "secret" not in text
    for token in filter(None, tokens):
        assert not any(part.lower() in text for part in token.split("."))
    with pytest.raises(Exception, match="[Aa]dditional|not valid"):
        VALIDATORS["access"].validate({**accesses[0], "path": "/v1/secret"})


def test_whatever_is_answered_has_one_line(journaled, issuer, backend):
    gateway, folder = journaled
    jane = issuer.jane()
    assert call(gateway.port, "/v1/customers", jane, method="HEAD").status == 200
    assert call(gateway.port, "/v1/customers", method="HEAD").status == 401
    assert call(gateway.port, "/nowhere").status == 404
    for malformed in (b"Host: a\r\nHost: b", b"Host : a"):
        with Connection(gateway.port) as connection:
            connection.send(b"DELETE /v1/x HTTP/1.1\r\n" + malformed + b"\r\n\r\n")
            assert connection.response().status == 400
    with Connection(gateway.port) as connection:
        connection.send(b"DELETE /v1/x HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 100_000 + b"\r\n\r\n")
        assert connection.response().status == 431
    # One who doesn't wait for the answer, and one who doesn't wait for its end.
    with Connection(gateway.port) as connection:
        connection.send(request("GET", "/v1/silent", jane))
        until(lambda: any("silent" in one.target for one in backend.requests))
    with Connection(gateway.port, receive_buffer=4096) as connection:
        connection.send(request("GET", "/v1/download", jane))
        assert connection.socket.recv(100).startswith(b"HTTP/1.1 200")
    until(lambda: len(lines(folder / "access.jsonl")) >= 8)
    stopped(gateway)
    seen = [(line["method"], line["status"], line["result"], line["reason"], line["complete"])
            for line in lines(folder / "access.jsonl")]
    assert sorted(seen, key=str) == sorted([
        ("HEAD", 200, "permitted", "mfa", True),
        ("HEAD", 401, "refused", "no_credential", True),
        ("GET", 404, "refused", "no_route", True),
        ("DELETE", 400, "refused", "malformed_request", True),
        (None, 400, "refused", "malformed_request", True),
        (None, 431, "refused", "head_too_large", True),
        ("GET", None, "aborted", "connection_ended", False),
        ("GET", 200, "permitted", "mfa", False),
    ], key=str)


def test_the_client_is_the_last_before_the_trusted_proxies_in_both_logs(start_gateway, backend, issuer, tmp_path):
    gateway = start_gateway(
        trusted_proxies=["127.0.0.0/8"],
        upstreams=[{"name": "partner-api", "endpoints": [backend.url]}],
        routes=[{"prefix": "/v1/", "upstream": "partner-api"}],
        log={"decision_output": str(tmp_path / "d.jsonl"), "access_output": str(tmp_path / "a.jsonl")},
    )
    call(gateway.port, "/v1/x", headers=[("X-Forwarded-For", "6.6.6.6, 192.0.2.7")])
    stopped(gateway)
    assert [line["client"] for line in lines(tmp_path / "d.jsonl", tmp_path / "a.jsonl")] == ["192.0.2.7"] * 2


def pipelined(port: int, batch: bytes, size: int, batches: int):
    """Sends the batch again and again on one connection, and waits for its answers, the last of them chunked."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        for _ in range(batches):
            connection.sendall(batch)
            answers = b""
            while answers.count(b"HTTP/1.1 ") < size or not answers.endswith(b"0\r\n\r\n"):
                more = connection.recv(1 << 18)
                assert more, answers[-200:]
                answers += more


@pytest.mark.timeout(90)
def test_the_logs_of_a_load_run_account_for_every_request_through_rotations(journaled, issuer):
    gateway, folder = journaled
    jane, john = issuer.jane(), issuer.john()
    kinds = [("/v1/a", jane)] + [("/v1/b", john)] * 12 + [("/nowhere", None)] * 12 + [("/v1/c", None)] * 25
    batch = b"".join(request("GET", target, token) for target, token in kinds)
    connections = 8
    batches = REQUESTS // len(kinds) // connections
    sent = connections * batches * len(kinds)
    with ThreadPoolExecutor(connections) as pool:
        running = [pool.submit(pipelined, gateway.port, batch, len(kinds), batches) for _ in range(connections)]
        for rotation in range(1, 4):
            reached = sent * rotation // 4
            until(lambda: metric(gateway, "mfa_gateway_requests_total") >= reached, within=60)
            for name in ("decisions", "access"):
                (folder / f"{name}.jsonl").rename(folder / f"{name}.{rotation}.jsonl")
            gateway.process.send_signal(signal.SIGHUP)
            # Those who rotate look for the new file before they touch the old one.
            until(lambda: all((folder / f"{name}.jsonl").exists() for name in ("decisions", "access")))
        for one in running:
            one.result(60)
    until(lambda: metric(gateway, "mfa_gateway_requests_total") == sent)
    lost = {log: metric(gateway, "mfa_gateway_log_lines_lost_total", log=log) for log in ("decisions", "access")}
    stopped(gateway)
    decided = sent * (len(kinds) - 12) // len(kinds)
    for log, event, expected in (("access", "access", sent), ("decisions", "decision", decided)):
        found = lines(*folder.glob(f"{log}*.jsonl"))
        ids = [line["request_id"] for line in found if line["event"] == event]
        said = sum(line["lines"] for line in found if line["event"] == "lines_lost")
        assert (len(ids) + lost[log], said) == (expected, lost[log])
        assert len(set(ids)) == len(ids)


@pytest.mark.timeout(60)
def test_a_pipe_that_nobody_reads_blocks_no_request_and_the_loss_is_counted_and_said(issuer, backend, tmp_path):
    folder = "/" + "a" * 6000 + "/"  # Long lines fill the buffer with fewer requests.
    read, write = os.pipe()
    gateway = Gateway(tmp_path, {
        "upstreams": [{"name": "partner-api", "endpoints": [backend.url]}],
        "issuers": [{"name": "wingtip", "issuer": issuer.url, "audiences": ["api://partner"]}],
        "routes": [{"prefix": folder, "upstream": "partner-api"}],
        "log": {"decisions": "none", "access_output": "stdout"},
    }, stdout=write)
    os.close(write)
    # Twice what may wait is more than is taken at once and what comes meanwhile.
    size, batches, connections = 50, 16, 4
    sent = size * batches * connections
    with ThreadPoolExecutor(connections) as pool:
        batch = request("GET", folder) * size
        for one in [pool.submit(pipelined, gateway.port, batch, size, batches) for _ in range(connections)]:
            one.result(30)
    until(lambda: metric(gateway, "mfa_gateway_requests_total") == sent)
    lost = metric(gateway, "mfa_gateway_log_lines_lost_total", log="access")
    assert 0 < lost < sent
    until(lambda: "lines are lost" in gateway.log.read_text())

    arrived = []
    with os.fdopen(read) as pipe:
        reader = Thread(target=lambda: arrived.extend(json.loads(line) for line in pipe))
        reader.start()
        until(lambda: any(line["event"] == "lines_lost" for line in arrived))
        gateway.stop()
        reader.join(10)
    # One notice per gap: a busy machine makes a second one before the pipe is full.
    notices = [line["lines"] for line in arrived if line["event"] == "lines_lost"]
    assert sum(notices) == lost
    assert len(arrived) - len(notices) + lost == sent
