"""The metrics, and what is made of them in deploy/."""

import json
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import httpx
import pytest
import yaml

from conftest import issuer_section
from support.gateway import Gateway, free_port
from support.metrics import scrape, value
from test_tls import certificate

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
ROUTES = {"/public/": "public", "/v1/": "mfa", "/slow/": "public", "/away/": "public", "/reported/": "mfa"}


@pytest.fixture(scope="module")
def observed(tmp_path_factory, issuer, session_backend):
    """A gateway with everything that has a metric."""
    folder, closed = tmp_path_factory.mktemp("metrics"), free_port()
    crt, key = certificate(folder, "admin", "localhost")
    special = {"/slow/": {"rate_limit": "slow"}, "/away/": {"upstream": "away"}, "/reported/": {"mode": "report"}}
    gateway = Gateway(folder, {
        "admin": {"tls": {"certificates": [{"certificate_file": str(crt), "key_file": str(key)}]}},
        "issuers": issuer_section(issuer),
        "upstreams": [
            {"name": "partner-api", "endpoints": [session_backend.url]},
            {"name": "away", "endpoints": [f"http://127.0.0.1:{closed}"]},
        ],
        "rate_limits": [{"name": "slow", "requests": 1, "per": "1h", "key": "address"}],
        "routes": [
            {"prefix": prefix, "upstream": "partner-api", "require": require, **special.get(prefix, {})}
            for prefix, require in ROUTES.items()
        ],
        "limits": {"url_bytes": 300, "headers": 20, "body_bytes": 1000},
        "state": {"directory": str(folder)},
        "log": {"decision_output": str(folder / "decisions"), "access_output": str(folder / "access")},
    })
    gateway.names = {
        "route": {"", *ROUTES},
        "upstream": {"partner-api", "away"},
        "endpoint": {session_backend.url.removeprefix("http://"), f"127.0.0.1:{closed}"},
        "issuer": {"wingtip"},
        "file": {str(crt)},
        "name": {gateway.admin_url.removeprefix("https://")},
    }
    traffic(gateway, issuer, "zz0")
    yield gateway
    gateway.stop()


def traffic(gateway, issuer, mark: str):
    """Requests of every kind, with a mark in whatever a caller can choose."""
    jane, john = issuer.jane(appid=mark, tid=mark, azp=mark), issuer.john(appid=mark, oid=mark)
    strangers = [issuer.jane(iss=mark), issuer.token(header={"kid": mark}), f"{mark}.{mark}.{mark}", mark]
    requests = [("GET", f"/v1/{mark}?{mark}", token, {}) for token in [jane, jane, john, *strangers]]
    requests += [
        ("GET", f"/reported/{mark}", john, {}),
        ("GET", "/public/broken", jane, {}),
        ("GET", f"/{mark}", jane, {}),
        (mark.upper(), f"/public/{mark}", jane, {}),
        ("GET", f"/away/{mark}", jane, {}),
        ("GET", f"/slow/{mark}", jane, {}),
        ("GET", f"/slow/{mark}", jane, {}),
        ("GET", f"/public/{mark * 200}", jane, {}),
        ("POST", "/public/", jane, {"content": mark * 1000}),
        ("GET", "/public/", jane, {"headers": {f"X-{mark}-{at}": mark for at in range(40)}}),
        ("GET", f"/public/..%2f{mark}", jane, {}),
    ]
    headers = {"Host": mark, "User-Agent": mark, "MS-RequestId": mark}
    with httpx.Client(base_url=gateway.url) as client:
        for method, path, token, more in requests:
            more = {**more, "headers": {**headers, "Authorization": f"Bearer {token}", **more.get("headers", {})}}
            client.request(method, path, **more)
    with httpx.Client(base_url=gateway.url, http1=False, http2=True) as client:
        assert client.get("/public/").status_code == 200


def test_what_happens_is_counted(observed):
    samples = scrape(observed)

    def requests(**labels):
        return value(samples, "mfa_gateway_requests_total", **labels)

    assert requests(route="/v1/", result="permitted", reason="mfa", **{"class": "app_user"}) >= 2
    assert requests(route="/v1/", result="refused", reason="mfa_missing") >= 1
    assert requests(route="", result="refused", reason="no_route", **{"class": "none"}) >= 1
    assert requests(responder="upstream", status="2xx") >= 2
    assert requests(responder="upstream", status="5xx", route="/public/", result="permitted") >= 1
    assert requests(responder="gateway", status="4xx", reason="mfa_missing") >= 1
    assert requests(responder="gateway", status="5xx", reason="upstream_failed") >= 1
    assert value(samples, "mfa_gateway_would_deny_total", route="/reported/", reason="mfa_missing") >= 1
    for limit in ("url", "head", "body", "rate"):
        assert value(samples, "mfa_gateway_limits_hit_total", limit=limit) >= 1, limit
    assert value(samples, "mfa_gateway_upstream_set_aside", upstream="away") == 1
    assert value(samples, "mfa_gateway_upstream_set_aside", upstream="partner-api") == 0
    assert value(samples, "mfa_gateway_upstream_failures_total", upstream="away", kind="connect") >= 1
    assert value(samples, "mfa_gateway_upstream_in_flight") == 0
    assert value(samples, "mfa_gateway_http2_streams") == 0
    assert value(samples, "mfa_gateway_token_cache_entries") >= 2
    assert value(samples, "mfa_gateway_token_cache_bytes") > 2000
    assert 0 <= value(samples, "mfa_gateway_jwks_age_seconds", issuer="wingtip") < 60
    assert value(samples, "mfa_gateway_build_info") == 1
    assert value(samples, "mfa_gateway_ready") == 1
    assert value(samples, "mfa_gateway_config_last_reload_successful") == 1
    assert value(samples, "mfa_gateway_connections_accepted_total") >= 2
    assert value(samples, "process_cpu_seconds_total") > 0
    assert value(samples, "process_open_fds") < value(samples, "process_max_fds")
    assert value(samples, "process_resident_memory_bytes") > 1 << 20


def test_labels_are_bounded_by_the_configuration(observed, issuer):
    before = scrape(observed)
    traffic(observed, issuer, "zz1")
    after = scrape(observed)
    series = {(sample.name, tuple(sorted(sample.labels.items()))) for sample in after}
    assert series == {(sample.name, tuple(sorted(sample.labels.items()))) for sample in before}
    for sample in after:
        for label, text in sample.labels.items():
            assert "zz" not in text.lower(), sample
            if label in observed.names:
                assert text in observed.names[label], sample
            elif label not in ("le", "version"):
                assert re.fullmatch(r"[a-z0-9_]+", text), sample


def test_what_a_reload_removes_has_no_metrics_any_more(start_gateway, session_backend):
    def names(gateway):
        return {sample.labels["upstream"] for sample in scrape(gateway) if "upstream" in sample.labels}

    upstreams = [{"name": name, "endpoints": [session_backend.url]} for name in ("kept", "removed")]
    routes = [{"prefix": "/", "upstream": "kept", "require": "public"}]
    gateway = start_gateway(upstreams=upstreams, routes=routes)
    assert names(gateway) == {"kept", "removed"}
    config = yaml.safe_load(gateway.config_file.read_text())
    config["upstreams"].pop()
    config["issuers"][0]["name"] = "renamed"
    gateway.config_file.write_text(yaml.safe_dump(config))
    gateway.process.send_signal(signal.SIGHUP)
    end = time.monotonic() + 5
    while not value(scrape(gateway), "mfa_gateway_config_reloads_total") and time.monotonic() < end:
        time.sleep(0.02)
    assert names(gateway) == {"kept"}
    assert {one.labels["issuer"] for one in scrape(gateway) if "issuer" in one.labels} == {"renamed"}


# --- deploy -----------------------------------------------------------------------------------------------------------

def expressions() -> list[tuple[str, str]]:
    """Every PromQL expression of the rules and the dashboard, with where it stands."""
    rules = yaml.safe_load((DEPLOY / "prometheus/alerts.yaml").read_text())
    found = [(rule["alert"], rule["expr"]) for group in rules["groups"] for rule in group["rules"]]
    dashboard = json.loads((DEPLOY / "grafana/dashboard.json").read_text())
    found += [
        (panel["title"], target["expr"]) for panel in dashboard["panels"] for target in panel.get("targets", [])
    ]
    return found


def used(expression: str) -> list[tuple[str, set[str]]]:
    """The metrics that an expression names, and the labels by which it chooses among their series."""
    found = re.findall(r"\b((?:mfa_gateway|process)_\w+)(?:\{([^}]*)\})?", expression)
    return [(name, set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", selector))) for name, selector in found]


def grouped(expression: str) -> set[str]:
    return {label.strip() for labels in re.findall(r"\bby\s*\(([^)]*)\)", expression) for label in labels.split(",")}


def test_rules_and_dashboard_name_only_metrics_and_labels_that_there_are(observed):
    of_target = {"job", "instance"}
    labels = {}
    for sample in scrape(observed):
        labels.setdefault(sample.name, set()).update(sample.labels)
    for place, expression in expressions():
        assert used(expression), place
        for name, selectors in used(expression):
            assert name in labels, f"{place}: there is no metric {name}"
            assert selectors <= labels[name] | of_target, f"{place}: {name} has {labels[name]}, not {selectors}"
        known = set().union(*(labels[name] for name, _ in used(expression))) | of_target
        assert grouped(expression) <= known, f"{place}: groups by {grouped(expression) - known}"


def test_every_alert_names_a_section_of_the_documentation():
    rules = yaml.safe_load((DEPLOY / "prometheus/alerts.yaml").read_text())
    text = (DEPLOY.parent / "docs/operations.md").read_text()
    sections = {re.sub(r"[^a-z0-9 -]", "", line.strip("# ").lower()).replace(" ", "-")
                for line in text.splitlines() if line.startswith("#")}
    for rule in [rule for group in rules["groups"] for rule in group["rules"]]:
        file, _, section = rule["annotations"]["runbook"].partition("#")
        assert file == "docs/operations.md" and section in sections, rule["alert"]
        assert rule["labels"]["severity"] in ("critical", "warning")


def test_every_alert_has_a_test():
    rules = yaml.safe_load((DEPLOY / "prometheus/alerts.yaml").read_text())
    tests = yaml.safe_load((DEPLOY / "prometheus/alerts_test.yaml").read_text())
    fired = {case["alertname"] for test in tests["tests"] for case in test["alert_rule_test"] if case["exp_alerts"]}
    assert fired == {rule["alert"] for group in rules["groups"] for rule in group["rules"]}


def test_every_metric_is_documented(observed):
    documented = (DEPLOY.parent / "docs/operations.md").read_text()
    for name in {re.sub(r"_(bucket|count|sum)$", "", sample.name) for sample in scrape(observed)}:
        assert f"`{name}" in documented, name


def test_a_panel_shows_only_labels_that_its_query_has():
    dashboard = json.loads((DEPLOY / "grafana/dashboard.json").read_text())
    for panel in dashboard["panels"]:
        for target in panel.get("targets", []):
            shown = set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
            if "by (" in target["expr"]:
                assert shown <= grouped(target["expr"]), panel["title"]


@pytest.mark.skipif(not shutil.which("promtool"), reason="there is no promtool")
def test_promtool_runs_the_rules_tests():
    subprocess.run(["promtool", "check", "rules", "alerts.yaml"], cwd=DEPLOY / "prometheus", check=True, timeout=30)
    subprocess.run(["promtool", "test", "rules", "alerts_test.yaml"], cwd=DEPLOY / "prometheus", check=True, timeout=30)
