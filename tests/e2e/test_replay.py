"""`replay`: yesterday's decisions under another configuration, and who would notice."""

import json
import shutil
from pathlib import Path

import pytest
import yaml

from support.gateway import run
from support.http1 import call

ROUTES = [{"path": "/healthz", "upstream": "partner-api", "require": "public"},
          {"prefix": "/v1/", "upstream": "partner-api", "mode": "report"},
          {"prefix": "/people/", "upstream": "partner-api", "app_only": "deny"}]


@pytest.fixture
def recorded(start_gateway, issuer, backend, tmp_path):
    """A gateway in report mode, its configuration and its decision log of seven decisions."""
    log = tmp_path / "decisions.jsonl"
    gateway = start_gateway(
        upstreams=[{"name": "partner-api", "endpoints": [backend.url]}], routes=ROUTES,
        log={"decisions": "all", "decision_output": str(log)},
    )
    john = issuer.john(client_id="app-1", tid="fabrikam")
    for path, token in [("/healthz", None), ("/v1/a", john), ("/v1/b", john), ("/v1/c", issuer.jane()),
                        ("/v1/d", issuer.daemon()), ("/v1/e", None), ("/people/f", issuer.daemon())]:
        call(gateway.port, path, token)
    gateway.terminate()
    assert gateway.process.wait(5) == 0
    return gateway.config_file, log


def changed(config: Path, route: int, **changes) -> Path:
    document = yaml.safe_load(config.read_text())
    document["routes"][route].update(changes)
    file = config.with_name("changed.yaml")
    file.write_text(yaml.safe_dump(document))
    return file


def replay(config: Path, *arguments: str, stdin: str = ""):
    ran = run("replay", "--config", str(config), "--json", *arguments, stdin=stdin)
    return ran.returncode, json.loads(ran.stdout)


def test_under_the_same_configuration_nothing_changes(recorded):
    config, log = recorded
    code, report = replay(config, "--log", str(log))
    assert code == 0
    assert report["lines"] == {"read": 7, "decisions": 7, "other": 0, "malformed": 0}
    assert (report["unchanged"], report["undetermined"]) == (7, {})


def test_enforcement_names_who_would_be_newly_refused(recorded):
    config, log = recorded
    enforced = changed(config, 1, mode="enforce")
    code, report = replay(enforced, "--log", str(log))
    assert code == 1
    assert report["newlyRefused"] == {"count": 2, "notListed": 0, "groups": [
        {"count": 2, "application": "app-1", "user": "john-2b9e", "tenant": "fabrikam", "route": "/v1/",
         "was": "report_only", "reason": "mfa_missing"}]}
    assert (report["newlyPermitted"]["count"], report["unchanged"]) == (0, 5)
    ran = run("replay", "--config", str(enforced), "--log", str(log))
    assert ran.returncode == 1
    row = next(line for line in ran.stdout.splitlines() if "app-1" in line)
    assert row.split() == ["2", "app-1", "john-2b9e", "fabrikam", "/v1/", "report_only", "mfa_missing"]


def test_a_date_is_rehearsed_before_it_comes(recorded):
    config, log = recorded
    dated = changed(config, 1, mode="enforce", enforce_from="2030-01-01T00:00:00Z")
    assert replay(dated, "--log", str(log))[0] == 0
    code, report = replay(dated, "--log", str(log), "--at", "2030-01-01T00:00:00Z")
    assert (code, report["newlyRefused"]["count"]) == (1, 2)


def test_who_is_newly_let_in_is_named_too_and_fails_nothing(recorded):
    config, log = recorded
    code, report = replay(changed(config, 2, app_only="allow"), "--log", str(log))
    assert code == 0
    [group] = report["newlyPermitted"]["groups"]
    assert (group["application"], group["was"], group["reason"]) == ("nightly-billing", "app_only_forbidden", "app_only")


def test_several_logs_standard_input_and_lines_that_are_no_decisions(recorded, tmp_path):
    config, log = recorded
    copy = shutil.copy(log, tmp_path / "copy.jsonl")
    stray = '{"event":"access"}\nnot json\n{"event":"decision"}\n' + log.read_text()[:40]
    code, report = replay(config, "--log", str(log), "--log", str(copy), "--log", "-", stdin=stray)
    assert (code, report["result"]) == (MALFORMED, "malformed")
    assert report["lines"] == {"read": 18, "decisions": 14, "other": 1, "malformed": 3}
    assert [(one["log"], one["line"]) for one in report["malformed"]] == [("-", 2), ("-", 3), ("-", 4)]


UNDETERMINED, MALFORMED, EMPTY = 3, 4, 5


@pytest.fixture
def catch_all(start_gateway, issuer, backend, tmp_path):
    """A catch-all prefix with a public path below it, in report mode: its configuration and its log."""
    log = tmp_path / "decisions.jsonl"
    gateway = start_gateway(
        upstreams=[{"name": "partner-api", "endpoints": [backend.url]}],
        routes=[{"path": "/health", "upstream": "partner-api", "require": "public"},
                {"prefix": "/", "upstream": "partner-api", "mode": "report"}],
        log={"decisions": "all", "decision_output": str(log)},
    )
    for path, token, times in [("/health", None, 3), ("/v1/a", issuer.john(), 10), ("/v1/b", issuer.jane(), 7)]:
        for _ in range(times):
            call(gateway.port, path, token)
    gateway.terminate()
    assert gateway.process.wait(5) == 0
    return gateway.config_file, log


def test_a_catch_all_prefix_needs_no_second_configuration(catch_all):
    config, log = catch_all
    enforced = changed(config, 1, mode="enforce")
    for more in ([], ["--recorded-with", str(config)]):
        code, report = replay(enforced, "--log", str(log), *more)
        assert (code, report["result"], report["newlyRefused"]["count"]) == (1, "newly_refused", 10)
        assert (report["unchanged"], report["undetermined"]) == (10, {})


def test_what_cannot_be_determined_comes_first_and_has_its_own_code(catch_all):
    config, log = catch_all
    document = yaml.safe_load(config.read_text())
    document["routes"][1]["mode"] = "enforce"
    document["routes"].append({"prefix": "/v1/", "upstream": "partner-api", "mode": "off"})
    split = config.with_name("split.yaml")
    split.write_text(yaml.safe_dump(document))
    code, report = replay(split, "--log", str(log))
    assert (code, report["result"], sum(report["undetermined"].values())) == (UNDETERMINED, "undetermined", 10)
    ran = run("replay", "--config", str(split), "--log", str(log))
    assert ran.returncode == UNDETERMINED
    assert ran.stdout.startswith("undetermined: 10 of 20 decisions") and "fix: " in ran.stdout.splitlines()[2]


def test_a_log_of_an_older_version_is_read_and_what_it_lacks_is_named(catch_all, tmp_path):
    config, log = catch_all
    new = {"narrower", "token_from", "claims", "issuer_rules", "logged"}
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert all(new <= line.keys() for line in lines)
    old = tmp_path / "old.jsonl"
    old.write_text("".join(json.dumps({name: line[name] for name in line if name not in new}) + "\n" for line in lines))
    enforced = changed(config, 1, mode="enforce")
    code, report = replay(enforced, "--log", str(old))
    assert (code, report["lines"]["malformed"]) == (UNDETERMINED, 0)
    assert ["older version" in why for why in report["undetermined"]] == [True]
    code, report = replay(enforced, "--log", str(old), "--recorded-with", str(config))
    assert (code, report["newlyRefused"]["count"]) == (1, 10)


@pytest.mark.parametrize("content", ["", "\n\n", '{"event":"access"}\n', '{"level":"INFO","message":"decision"}\n'])
def test_nothing_to_decide_again_is_no_success(recorded, tmp_path, content):
    config, _ = recorded
    log = tmp_path / "other.jsonl"
    log.write_text(content)
    assert replay(config, "--log", str(log))[0] == EMPTY
    ran = run("replay", "--config", str(config), "--log", str(log))
    assert ran.returncode == EMPTY and ran.stdout.startswith("empty: ") and "log.decision_output" in ran.stdout


@pytest.mark.parametrize("content", [b"no log at all\n", b"\x1f\x8b\x08\x00\xff\xfe\n\x00", b"[1, 2]\n", b"a: 1\nb: 2\n"])
def test_a_file_that_is_no_log_is_no_success(recorded, tmp_path, content):
    config, log = recorded
    file = tmp_path / "file"
    file.write_bytes(content)
    assert replay(config, "--log", str(file))[0] == EMPTY
    file.write_bytes(log.read_bytes() + content)
    assert replay(config, "--log", str(file))[0] == MALFORMED
    ran = run("replay", "--config", str(config), "--log", str(file))
    assert ran.stdout.startswith("malformed: ") and "fix: " in ran.stdout


def test_a_log_that_omits_or_lost_permits_does_not_pass(start_gateway, issuer, backend, recorded, tmp_path):
    log = tmp_path / "denied.jsonl"
    gateway = start_gateway(
        upstreams=[{"name": "partner-api", "endpoints": [backend.url]}], routes=ROUTES,
        log={"decision_output": str(log)},
    )
    call(gateway.port, "/v1/a", issuer.jane())
    call(gateway.port, "/v1/e", None)
    gateway.terminate()
    gateway.process.wait(5)
    code, report = replay(gateway.config_file, "--log", str(log))
    assert (code, report["undetermined"]) == (UNDETERMINED, {}) and "omits ordinary permits" in report["gaps"][0]

    config, complete = recorded
    lossy = '{"event":"lines_lost","log":"decisions","lines":3}\n' + complete.read_text()
    code, report = replay(config, "--log", "-", stdin=lossy)
    assert (code, report["linesLost"]) == (UNDETERMINED, 3)


def test_a_changed_rule_is_judged_by_the_claims_that_the_log_has(start_gateway, issuer, backend, tmp_path):
    log = tmp_path / "decisions.jsonl"
    both = {"any": [{"claim": "amr", "contains": "mfa"}, {"claim": "acr", "equals": "gold"}]}
    gateway = start_gateway(
        issuers=[{**issuer.section[0], "mfa_evidence": both}],
        upstreams=[{"name": "partner-api", "endpoints": [backend.url]}], routes=ROUTES,
        log={"decisions": "all", "decision_output": str(log)},
    )
    for claims in ({"acr": "gold"}, {"acr": "gold", "amr": ["mfa"]}, {"acr": "1"}):
        call(gateway.port, "/people/a", issuer.john(**claims))
    gateway.terminate()
    gateway.process.wait(5)
    seen = [json.loads(line)["claims"] for line in log.read_text().splitlines()]
    assert seen == [[{"claim": "acr", "value": value}] for value in ("gold", "gold", "1")]

    def under(**rule):
        document = yaml.safe_load(gateway.config_file.read_text())
        document["issuers"][0].update(rule)
        file = gateway.config_file.with_name("changed.yaml")
        file.write_text(yaml.safe_dump(document))
        return replay(file, "--log", str(log))

    assert under()[0] == 0
    code, report = under(mfa_evidence={"any": [{"claim": "amr", "contains": "mfa"}]})
    assert (code, report["newlyRefused"]["count"]) == (1, 1)
    code, report = under(mfa_evidence={"any": [{"claim": "acr", "equals": "1"}]})
    assert (code, report["newlyRefused"]["count"], report["newlyPermitted"]["count"]) == (1, 2, 1)
    code, report = under(mfa_evidence={"any": [{"claim": "loa", "equals": "high"}]})
    assert (code, sum(report["undetermined"].values())) == (UNDETERMINED, 3)
    code, report = under(audiences=["https://another.example"])
    assert (code, sum(report["undetermined"].values())) == (UNDETERMINED, 2)


def test_trouble_has_its_own_exit_code(recorded, tmp_path):
    config, log = recorded
    assert run("replay", "--config", str(config), "--log", str(tmp_path / "none.jsonl")).returncode == 2
    assert run("replay", "--config", str(tmp_path / "none.yaml"), "--log", str(log)).returncode == 2
    assert run("replay", "--config", str(config), "--log", str(log), "--at", "tomorrow").returncode == 2
    assert run("replay", "--config", str(config)).returncode == 2
