"""The metrics, and what is made of them in deploy/."""

import json
import math
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import httpx
import pytest
import yaml

from support.gateway import Gateway, free_port
from support.metrics import families, scrape, value
from support.portal import sealing_key
from test_tls import certificate

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
PANEL = "5b0d9a4e-2f6c-4c1b-8d37-a94e60b1f2c8"
ROUTES = {"/public/": "public", "/v1/": "mfa", "/slow/": "public", "/away/": "public", "/reported/": "mfa"}


@pytest.fixture(scope="module")
def observed(tmp_path_factory, issuer, session_backend):
    """A gateway with everything that has a metric."""
    folder, closed = tmp_path_factory.mktemp("metrics"), free_port()
    (folder / "secret").write_text("of the client")
    crt, key = certificate(folder, "admin", "localhost")
    special = {"/slow/": {"rate_limit": "slow"}, "/away/": {"upstream": "away"}, "/reported/": {"mode": "report"}}
    gateway = Gateway(folder, {
        "admin": {"tls": {"certificates": [{"certificate_file": str(crt), "key_file": str(key)}]}},
        "issuers": [{**issuer.section[0], "introspection": {
            "endpoint": f"http://127.0.0.1:{closed}/", "client_id": "gateway", "client_secret_file": str(folder / "secret"),
        }}],
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
        "exceptions": [{
            "id": "EX-1", "owner": "team", "reason": "a scanner", "expires": "2099-01-31T00:00:00Z",
            "application": "scanner", "routes": ["/v1/"],
        }],
        "state": {"directory": str(folder)},
        "report": {},
        "consents": [{
            "name": "nightly", "issuer": "wingtip", "client_id": PANEL, "authentication": "none", "scope": "api",
        }],
        "vendors": [{
            "name": "panel", "application": PANEL, "partners": [{"name": "contoso", "consent": "nightly"}],
            "grants": [{"application": "00000003-0000-0000-c000-000000000000", "scopes": ["User.Read.All"]}],
        }],
        "consent_keys": [sealing_key(folder)],
        "security_events": {"transmitters": [{"name": "told", "issuer": "wingtip", "audience": "here"}]},
        "log": {"decision_output": str(folder / "decisions"), "access_output": str(folder / "access")},
    })
    gateway.names = {
        "route": {"", *ROUTES},
        "upstream": {"partner-api", "away"},
        "endpoint": {session_backend.url.removeprefix("http://"), f"127.0.0.1:{closed}"},
        "issuer": {"wingtip"},
        "exception": {"EX-1"},
        "consent": {"nightly"},
        "vendor": {"panel"},
        "partner": {"contoso"},
        "transmitter": {"told", ""},
        "file": {str(crt)},
        "name": {gateway.admin_url.removeprefix("https://")},
    }
    traffic(gateway, issuer, "zz0")
    # What begins a second later has its series then.
    end = time.monotonic() + 10
    while not value(scrape(gateway), "mfa_gateway_store_operations_total", operation="count_vendor") and time.monotonic() < end:
        time.sleep(0.05)
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
    assert value(samples, "mfa_gateway_upstream_responses_total", upstream="partner-api", status="2xx") >= 2
    assert value(samples, "mfa_gateway_upstream_responses_total", upstream="partner-api", status="5xx") >= 1
    assert value(samples, "mfa_gateway_upstream_responses_total", upstream="away") == 0
    assert value(samples, "mfa_gateway_upstream_in_flight") == 0
    assert value(samples, "mfa_gateway_http2_streams") == 0
    assert value(samples, "mfa_gateway_token_cache_entries") >= 2
    assert value(samples, "mfa_gateway_token_cache_bytes") > 2000
    assert 0 <= value(samples, "mfa_gateway_jwks_age_seconds", issuer="wingtip") < 60
    assert value(samples, "mfa_gateway_build_info") == 1
    assert value(samples, "mfa_gateway_ready") == 1
    assert f' hash="{int(value(samples, "mfa_gateway_config_hash")):012x}' in observed.log.read_text()
    assert value(samples, "mfa_gateway_config_last_reload_successful") == 1
    assert value(samples, "mfa_gateway_connections_accepted_total") >= 2
    assert value(samples, "process_cpu_seconds_total") > 0
    assert value(samples, "process_open_fds") < value(samples, "process_max_fds")
    assert value(samples, "process_resident_memory_bytes") > 1 << 20


@pytest.mark.skipif(not shutil.which("promtool"), reason="there is no promtool")
def test_parsers_of_the_older_format_read_them_too(observed):
    text = httpx.get(f"{observed.admin_url}/metrics", verify=False).text
    checked = subprocess.run(["promtool", "check", "metrics"], input=text, text=True, capture_output=True, timeout=30)
    assert "error while" not in checked.stderr, checked.stderr


def test_labels_are_bounded_by_the_configuration(observed, issuer):
    # What is asked every few seconds has its series then.
    end = time.monotonic() + 20
    while not value(scrape(observed), "mfa_gateway_store_operations_total", operation="changed_consents") and time.monotonic() < end:
        time.sleep(0.05)
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
    found = [(rule["alert"], rule["expr"]) for group in alerts()["groups"] for rule in group["rules"]]
    return found + [(panel["title"], target["expr"]) for panel in panels() for target in panel["targets"]]


def panels() -> list[dict]:
    """The panels of the dashboard that show something."""
    dashboard = json.loads((DEPLOY / "grafana/dashboard.json").read_text())
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


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


def anchors(page: str) -> set[str]:
    """The anchors of a page's headings, as code hosts make them."""
    headings = [line.strip("# ").lower() for line in page.splitlines() if line.startswith("#")]
    return {re.sub(r"[^a-z0-9 -]", "", heading).replace(" ", "-") for heading in headings}


def test_every_alert_leads_to_a_section_of_the_documentation():
    repository = re.search(r'^repository = "(.+)"', (DEPLOY.parent / "Cargo.toml").read_text(), re.M)[1]
    for rule in [rule for group in alerts()["groups"] for rule in group["rules"]]:
        page, _, section = rule["annotations"]["runbook_url"].partition("#")
        assert page.startswith(f"{repository}/blob/main/docs/"), rule["alert"]
        document = DEPLOY.parent / page.removeprefix(f"{repository}/blob/main/")
        assert section in anchors(document.read_text()), rule["alert"]
        assert rule["labels"]["severity"] in ("critical", "warning")


def test_what_counts_missing_mfa_counts_every_such_reason():
    summary = (DEPLOY.parent / "docs/refusals.md").read_text()
    reasons = set(re.findall(r"`(\w+)`", summary.split("| 401 `Unauthorized - MFA required` |")[1].splitlines()[0]))
    counted = [
        set(selected.split("|")) for _, expression in expressions()
        for selected in re.findall(r'\breason=~?"([^"]*)"', expression) if reasons & set(selected.split("|"))
    ]
    assert len(reasons) >= 4 and counted and all(one == reasons for one in counted), counted


def alerts() -> dict:
    return yaml.safe_load((DEPLOY / "prometheus/alerts.yaml").read_text())


def test_every_alert_has_a_test():
    tests = yaml.safe_load((DEPLOY / "prometheus/alerts_test.yaml").read_text())
    fired = {case["alertname"] for test in tests["tests"] for case in test["alert_rule_test"] if case["exp_alerts"]}
    assert fired == {rule["alert"] for group in alerts()["groups"] for rule in group["rules"]}


def test_every_metric_is_documented(observed):
    documented = (DEPLOY.parent / "docs/operations.md").read_text()
    for name in {re.sub(r"_(bucket|count|sum)$", "", sample.name) for sample in scrape(observed)}:
        assert f"`{name}" in documented, name


def test_a_panel_shows_only_labels_that_its_query_has():
    for panel in panels():
        for target in panel["targets"]:
            shown = set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
            if "by (" in target["expr"]:
                assert shown <= grouped(target["expr"]), panel["title"]


# Functions of what only grows, and of what goes up and down.
OF_COUNTERS, OF_GAUGES = {"rate", "increase"}, {"avg_over_time", "last_over_time", "changes"}


def test_counters_are_read_as_rates_and_gauges_as_they_are(observed):
    kinds = {family.name: family.type for family in families(observed)}
    for place, expression in expressions():
        for function, name in re.findall(r"(?:(\w+)\()?\b((?:mfa_gateway|process)_\w+)", expression):
            kind = kinds.get(re.sub(r"_(total|info|bucket|sum|count)$", "", name)) or kinds[name]
            grows = kind in ("counter", "histogram")
            allowed = OF_COUNTERS if grows else OF_GAUGES | {"", "sum", "min", "max", "count"}
            assert function in allowed, f"{place}: {function}({name}), a {kind}"


def unit(expression: str) -> str:
    """Grafana's unit of what an expression gives, by the names of its metrics."""
    bare = re.sub(r"\{[^}]*\}|\[[^]]*\]", "", expression)
    name = re.search(r"(?:mfa_gateway|process)_\w+", bare)[0]
    if " / " in bare:
        return "percentunit"
    if "histogram_quantile" in bare or name.endswith("_seconds"):
        return "s"
    if "rate(" in bare:
        kinds = {"_seconds_total": "short", "_bytes_total": "Bps", "_requests_total": "reqps", "_would_deny_total": "reqps"}
        return next((unit for end, unit in kinds.items() if name.endswith(end)), "ops")
    return "bytes" if name.endswith("_bytes") else "short"


def test_all_that_a_panel_shows_has_the_panels_unit():
    for panel in panels():
        for target in panel["targets"]:
            assert unit(target["expr"]) == panel["fieldConfig"]["defaults"]["unit"], f"{panel['title']}: {target['expr']}"


def test_a_panel_turns_red_where_an_alert_fires():
    def limit(panel: dict) -> float | None:
        steps = panel["fieldConfig"]["defaults"].get("thresholds", {}).get("steps", [])
        return next((step["value"] for step in steps if step["color"] == "red"), None)

    expected = {
        "Oldest keys": "MfaGatewayKeysOld", "Age": "MfaGatewayKeysOld", "5xx of the API": "MfaGatewayApiErrors",
        "5xx of the gateway": "MfaGatewayOwnErrors", "File descriptors": "MfaGatewayFileDescriptors",
        "The gateway's own": "MfaGatewaySlow",
    }
    rules = {rule["alert"]: rule["expr"] for group in alerts()["groups"] for rule in group["rules"]}
    shown = {panel["title"]: limit(panel) for panel in panels()}
    for title, alert in expected.items():
        fires_at = re.search(r"> ([0-9.* ]+\d)", rules[alert])[1]
        assert shown[title] == math.prod(float(factor) for factor in fires_at.split("*")), title


def test_panels_are_named_and_placed_apart():
    titles, places = [panel["title"] for panel in panels()], set()
    for panel in panels():
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not cells & places and at["x"] + at["w"] <= 24, panel["title"]
        places |= cells
        assert panel["description"] or panel["type"] != "stat", panel["title"]
    assert len({panel["id"] for panel in panels()}) == len(titles)


@pytest.mark.skipif(not shutil.which("promtool"), reason="there is no promtool")
def test_promtool_runs_the_rules_tests():
    subprocess.run(["promtool", "check", "rules", "alerts.yaml"], cwd=DEPLOY / "prometheus", check=True, timeout=30)
    subprocess.run(["promtool", "test", "rules", "alerts_test.yaml"], cwd=DEPLOY / "prometheus", check=True, timeout=30)
