"""Traces: spans at a collector, and W3C Trace Context on the way to the upstream."""

import json
import signal
import time

import grpc
import httpx
import pytest
import yaml

from support.collector import Collector
from support.gateway import free_port, run
from support.metrics import scrape, value

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
SAMPLED, NOT_SAMPLED = f"00-{TRACE}-{PARENT}-01", f"00-{TRACE}-{PARENT}-00"


@pytest.fixture
def collector():
    collector = Collector()
    yield collector
    collector.close()


@pytest.fixture
def traced(start_gateway, backend, collector):
    """Starts a gateway that sends its traces to the collector."""

    def start(protocol="http", away=None, **traces):
        endpoint = collector.url(protocol)
        return start_gateway(
            upstreams=[
                {"name": "partner-api", "endpoints": [backend.url]},
                {"name": "away", "endpoints": [f"http://127.0.0.1:{away or free_port()}"]},
            ],
            routes=[
                {"prefix": "/v1/", "upstream": "partner-api", "require": "mfa"},
                {"prefix": "/public/", "upstream": "partner-api", "require": "public"},
                {"prefix": "/away/", "upstream": "away", "require": "public"},
            ],
            telemetry={"traces": {"endpoint": endpoint, "protocol": protocol, "sampling": 1, **traces}},
            log={"decisions": "all", "decision_output": "stdout"},
        )

    return start


def forwarded(backend):
    return backend.requests[-1].fields


@pytest.mark.parametrize("protocol", ["http", "grpc"])
def test_a_request_is_a_server_span_and_its_call_a_client_span_below_it(traced, backend, issuer, collector, protocol):
    gateway = traced(protocol, service_name="edge")
    token = issuer.jane()
    headers = {"Authorization": f"Bearer {token}", "traceparent": SAMPLED, "tracestate": "rojo=1"}
    answer = httpx.get(f"{gateway.url}/v1/secret-path?secret=query", headers=headers)
    assert answer.status_code == 200
    gateway.stop()  # what was not sent yet is sent then
    client, server = sorted(collector.wait(2), key=lambda span: span.kind)
    assert (server.kind, server.name, server.trace_id, server.parent) == ("SPAN_KIND_SERVER", "GET /v1/", TRACE, PARENT)
    assert (client.kind, client.name, client.trace_id, client.parent) == (
        "SPAN_KIND_CLIENT", "GET", TRACE, server.span_id)
    assert server.state == client.state == "rojo=1"
    assert forwarded(backend).all("traceparent") == [f"00-{TRACE}-{client.span_id}-01"]
    assert forwarded(backend).all("tracestate") == ["rojo=1"]
    assert server.start <= client.start <= client.end <= server.end
    assert server.resource["service.name"] == "edge"
    assert server.attributes == {
        "http.request.method": "GET", "http.response.status_code": 200, "url.scheme": "http", "http.route": "/v1/",
        "network.protocol.version": "1.1", "client.address": "127.0.0.1", "server.address": "127.0.0.1",
        "server.port": gateway.port, "mfa_gateway.decision": "permitted", "mfa_gateway.grounds": "mfa",
        "mfa_gateway.class": "app_user",
    }
    assert client.attributes == {
        "http.request.method": "GET", "http.response.status_code": 200, "url.scheme": "http",
        "network.protocol.version": "1.1", "server.address": "127.0.0.1",
        "server.port": int(backend.url.rsplit(":", 1)[1]), "mfa_gateway.upstream": "partner-api",
    }
    for secret in (*token.split("."), "secret", "jane"):
        assert secret.encode() not in collector.raw
    decisions = [json.loads(line) for line in gateway.log.read_text().splitlines() if line.startswith("{")]
    assert [line["trace_id"] for line in decisions if line.get("event") == "decision"] == [TRACE]


def test_refusals_and_failures_are_told(traced, issuer, collector):
    gateway = traced()
    httpx.get(f"{gateway.url}/v1/x", headers={"Authorization": f"Bearer {issuer.john()}"})
    httpx.request("BREW", f"{gateway.url}/away/x")
    httpx.get(f"{gateway.url}/nowhere/x")
    gateway.stop()
    spans = {span.name: span for span in collector.wait(4)}
    refused, failed, call = spans["GET /v1/"], spans["HTTP /away/"], spans["HTTP"]
    assert refused.attributes["mfa_gateway.reason"] == "mfa_missing" and not refused.failed
    assert refused.attributes["http.response.status_code"] == 401
    assert failed.failed and failed.attributes["error.type"] == "upstream_failed"
    assert failed.attributes["http.request.method"] == "_OTHER"
    assert call.failed and call.parent == failed.span_id and "http.response.status_code" not in call.attributes
    assert spans["GET"].attributes["mfa_gateway.reason"] == "no_route" and not spans["GET"].parent


def test_no_client_makes_spans_large(traced, collector):
    gateway = traced()
    long = "x" * 5000
    httpx.get(f"{gateway.url}/public/{long}?{long}", headers={"Host": long, "User-Agent": long, "X-Forwarded-For": long})
    gateway.stop()
    for span in collector.wait(1):
        assert all(len(str(value)) <= 255 for value in span.attributes.values()) and len(span.name) < 255, span.attributes


def test_whether_a_request_is_sampled_is_its_parents_decision_and_else_chances(traced, backend, collector):
    gateway = traced(sampling=0)
    for headers in ({"traceparent": NOT_SAMPLED, "tracestate": "a=1"}, {}, {"traceparent": SAMPLED}):
        httpx.get(f"{gateway.url}/public/x", headers=headers)
    first, second, third = [request.fields.one("traceparent") for request in backend.requests[-3:]]
    assert first.startswith(f"00-{TRACE}-") and first.endswith("-00") and PARENT not in first
    assert second.endswith("-00") and TRACE not in second
    assert third.startswith(f"00-{TRACE}-") and third.endswith("-01")
    gateway.stop()
    assert {span.name for span in collector.wait(2)} == {"GET /public/", "GET"}
    assert len(collector.spans) == 2


def test_a_parent_that_is_not_sound_begins_a_new_trace(traced, backend, collector):
    gateway = traced()
    parents = [
        SAMPLED.upper(), SAMPLED[:-1], f"{SAMPLED}-x", f"ff{SAMPLED[2:]}", SAMPLED.replace(TRACE, "0" * 32),
        SAMPLED.replace(PARENT, "0" * 16), "garbage",
    ]
    for parent in parents:
        httpx.get(f"{gateway.url}/public/x", headers={"traceparent": parent, "tracestate": "a=1"})
        assert "tracestate" not in forwarded(backend), parent
    gateway.stop()
    servers = [span for span in collector.wait(2 * len(parents)) if span.kind == "SPAN_KIND_SERVER"]
    assert not any(span.parent for span in servers)
    traces = [request.fields.one("traceparent").split("-")[1] for request in backend.requests]
    assert traces == [span.trace_id for span in servers]
    assert TRACE not in traces and len(set(traces)) == len(parents)


def test_without_tracing_the_context_passes_as_it_came(gateway, backend):
    httpx.get(f"{gateway.url}/public/x", headers={"traceparent": SAMPLED, "tracestate": "a=1"})
    assert forwarded(backend).all("traceparent") == [SAMPLED] and forwarded(backend).all("tracestate") == ["a=1"]


def test_a_reload_turns_tracing_on_and_off(start_gateway, backend, collector):
    gateway = start_gateway(
        upstreams=[{"name": "a", "endpoints": [backend.url]}],
        routes=[{"prefix": "/", "upstream": "a", "require": "public"}],
    )
    before = gateway.config_file.read_text()
    traces = {"endpoint": collector.url("http"), "sampling": 1}
    for reloads, text in enumerate([before + yaml.safe_dump({"telemetry": {"traces": traces}}), before], start=1):
        gateway.config_file.write_text(text)
        gateway.process.send_signal(signal.SIGHUP)
        end = time.monotonic() + 5
        while value(scrape(gateway), "mfa_gateway_config_reloads_total") < reloads and time.monotonic() < end:
            time.sleep(0.02)
        httpx.get(f"{gateway.url}/x")
    # What the first tracer had left is sent at its end.
    collector.wait(2)
    assert "traceparent" not in forwarded(backend)
    gateway.stop()
    assert len(collector.spans) == 2


@pytest.mark.parametrize("protocol, failure", [("http", 503), ("grpc", grpc.StatusCode.UNAVAILABLE)])
def test_a_batch_is_sent_again_when_the_collector_is_away_for_a_moment(traced, collector, protocol, failure):
    collector.failures = [failure]
    gateway = traced(protocol)
    httpx.get(f"{gateway.url}/public/x")
    gateway.stop()
    collector.wait(2)


@pytest.mark.parametrize("protocol, failure", [("http", 400), ("grpc", grpc.StatusCode.UNAUTHENTICATED)])
def test_a_collector_that_refuses_costs_spans_and_no_request(traced, collector, protocol, failure):
    collector.failures = [failure] * 20
    gateway = traced(protocol)
    assert all(httpx.get(f"{gateway.url}/public/x").status_code == 200 for _ in range(5))
    while not (failed := value(scrape(gateway), "mfa_gateway_trace_spans_total", result="failed")):
        pass
    assert failed <= 10 and not collector.spans
    gateway.stop()
    assert gateway.log.read_text().count("the trace export failed") == 1


def test_fields_of_a_file_go_along_and_nowhere_else(traced, tmp_path, collector):
    (tmp_path / "headers").write_text("X-Api-Key: secret-of-the-collector\n")
    gateway = traced(headers_file=str(tmp_path / "headers"))
    httpx.get(f"{gateway.url}/public/x")
    gateway.stop()
    collector.wait(2)
    assert collector.headers[0]["x-api-key"] == "secret-of-the-collector"
    assert "secret-of" not in gateway.log.read_text()


@pytest.mark.parametrize("change, field", [
    ({"endpoint": "ftp://x"}, "endpoint"),
    ({"endpoint": "http://u:p@127.0.0.1:1"}, "endpoint"),
    ({"endpoint": "http://127.0.0.1:1/x", "protocol": "grpc"}, "endpoint"),
    ({"endpoint": "http://collector.example", "headers_file": "HEADERS"}, "endpoint"),
    ({"headers_file": "/nonexistent"}, "headers_file"),
    ({"headers_file": "BROKEN"}, "headers_file"),
    ({"sampling": 1.5}, "sampling"),
    ({"timeout": "0s"}, "timeout"),
    ({"service_name": ""}, "service_name"),
])
def test_wrong_settings_are_told_with_their_place_and_without_the_files_secrets(tmp_path, change, field):
    (tmp_path / "HEADERS").write_text("x-key: hidden\n")
    (tmp_path / "BROKEN").write_text("hidden\n")
    traces = {"endpoint": "http://127.0.0.1:1", **change}
    config = {
        "listeners": [{"address": "127.0.0.1:0"}], "upstreams": [{"name": "a", "endpoints": ["http://127.0.0.1:1"]}],
        "routes": [{"prefix": "/", "upstream": "a", "require": "public"}], "telemetry": {"traces": traces},
    }
    (tmp_path / "gateway.yaml").write_text(json.dumps(config))
    checked = run("check", "--config", "gateway.yaml", cwd=tmp_path)
    assert checked.returncode != 0 and f"telemetry.traces.{field}" in checked.stderr, checked.stderr
    assert "hidden" not in checked.stderr
