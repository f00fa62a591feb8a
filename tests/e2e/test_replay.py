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
    stray = '{"event":"lines_lost","log":"decisions","lines":3}\nnot json\n{"event":"decision"}\n' + log.read_text()[:40]
    code, report = replay(config, "--log", str(log), "--log", str(copy), "--log", "-", stdin=stray)
    assert code == 0
    assert report["lines"] == {"read": 18, "decisions": 14, "other": 1, "malformed": 3}
    assert [(one["log"], one["line"]) for one in report["malformed"]] == [("-", 2), ("-", 3), ("-", 4)]


def test_trouble_has_its_own_exit_code(recorded, tmp_path):
    config, log = recorded
    assert run("replay", "--config", str(config), "--log", str(tmp_path / "none.jsonl")).returncode == 2
    assert run("replay", "--config", str(tmp_path / "none.yaml"), "--log", str(log)).returncode == 2
    assert run("replay", "--config", str(config), "--log", str(log), "--at", "tomorrow").returncode == 2
    assert run("replay", "--config", str(config)).returncode == 2
