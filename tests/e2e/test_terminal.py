"""What the commands print of files, tokens and servers: nothing of it reaches the terminal as more than text."""

import json
import unicodedata
from pathlib import Path

import pytest
import yaml

from support.gateway import run

# A colour, a C1 control sequence, marks that reverse text, characters of no width, and a line of our own.
ODD = "a\x1b[31mb\x9b2Jc\u202ed\u2066e\u200bf\u200dg\u2060h\ufeffi\u00adj\u3164k\U000e0041l\rm\x08n\npass  forged"


def is_safe(text: str) -> bool:
    odd = [char for char in text if char != "\n" and (unicodedata.category(char) in ("Cc", "Cf", "Zl", "Zp")
                                                      or char in "\u3164\u115f\u1160\ufe0f")]
    return not odd and not any(line.startswith(("pass  forged", "  pass  forged")) for line in text.splitlines())


@pytest.fixture
def config(tmp_path, issuer):
    file = tmp_path / "gateway.yaml"
    file.write_text(yaml.safe_dump({
        "listeners": [{"address": "127.0.0.1:8080"}],
        "issuers": issuer.section,
        "upstreams": [{"name": "partner-api", "endpoints": ["http://127.0.0.1:5000"]}],
        "routes": [{"prefix": "/v1/", "upstream": "partner-api"}],
    }))
    return file


def changed(config: Path, change) -> Path:
    document = yaml.safe_load(config.read_text())
    change(document)
    config.write_text(yaml.safe_dump(document, allow_unicode=True, width=10_000))
    return config


def both(ran) -> str:
    return ran.stdout + ran.stderr


CHANGES = {
    "a key": lambda document: document.update({ODD: 1}),
    "a name": lambda document: document["upstreams"][0].update(name=ODD),
    "an address": lambda document: document["listeners"][0].update(address=ODD),
    "an endpoint": lambda document: document["upstreams"][0].update(endpoints=[ODD]),
    "a path": lambda document: document["routes"][0].update(prefix="/" + ODD),
    "a word": lambda document: document["routes"][0].update(require=ODD),
    "an algorithm": lambda document: document["issuers"][0].update(algorithms=[ODD]),
    "a number of another kind": lambda document: document.update(threads=ODD),
    "a reference": lambda document: document["routes"][0].update(upstream=ODD),
    "a file": lambda document: document["issuers"][0].update(keys={"ca_file": "/nowhere/" + ODD}),
}


@pytest.mark.parametrize("kind", CHANGES)
def test_a_problem_shows_what_the_file_holds_as_text(config, kind):
    ran = run("check", "--config", str(changed(config, CHANGES[kind])))
    assert ran.returncode == 1
    assert is_safe(both(ran)), repr(both(ran))
    assert "gateway.yaml" in both(ran)


def test_the_marks_stand_below_the_shown_line(tmp_path):
    file = tmp_path / "gateway.yaml"
    file.write_text("listeners: [{ address: 'a\u202eb', oops\u200b: 1 }]\n", encoding="utf-8")
    shown = run("check", "--config", str(file)).stderr
    assert "unknown field `oops\\u{200b}`" in shown
    lines = shown.splitlines()
    marks = [(lines[at - 1].index("oops"), line.index("^")) for at, line in enumerate(lines) if "^" in line]
    assert any(word == mark for word, mark in marks), shown


def test_a_broken_file_and_its_name_are_text(tmp_path):
    for text in [f"a: \"{ODD}\"\nb: [", f"{ODD}", "a: \x1b[31m\n", "? \u202e\n"]:
        file = tmp_path / "x\x1b[31m\u202e.yaml"
        file.write_text(text)
        for command in (["check"], ["serve"], ["explain"], ["replay", "--log", "-"]):
            ran = run(*command, "--config", str(file))
            assert ran.returncode in (1, 2)
            assert is_safe(both(ran)), repr(both(ran))


@pytest.mark.parametrize("claims", [{"aud": ODD}, {"iss": ODD}, {"amr": [ODD]}, {"sub": ODD, "azp": ODD, "oid": ODD},
                                    {"tid": ODD}, {"ver": ODD}, {"idtyp": ODD}])
def test_explain_shows_claims_as_text(config, issuer, claims):
    token = issuer.john(**claims)
    ran = run("explain", "--config", str(config), "--path", "/v1/a", stdin=token)
    assert ran.returncode == 1 and is_safe(both(ran)), repr(both(ran))
    ran = run("explain", "--config", str(config), "--path", "/v1/a", "--json", stdin=token)
    assert is_safe(ran.stdout), repr(ran.stdout)
    json.loads(ran.stdout)


def test_explain_shows_its_arguments_and_a_key_id_as_text(config, issuer):
    token = issuer.token(header={"kid": ODD})
    ran = run("explain", "--config", str(config), "--path", "/v1/" + ODD, stdin=token)
    assert is_safe(both(ran)), repr(both(ran))
    ran = run("explain", "--config", str(config), "--token-file", "/nowhere/" + ODD)
    assert ran.returncode == 2 and is_safe(both(ran)), repr(both(ran))


def test_replay_shows_a_log_as_text(config, tmp_path):
    line = {
        "event": "decision", "time": "2026-11-19T10:00:00.000Z", "request_id": "r", "correlation_id": "c",
        "method": "GET", "route": "/v1/", "route_kind": "prefix", "client": None, "issuer": ODD, "class": "app_user",
        "tenant": ODD, "application": ODD, "user": ODD, "ver": None, "amr": ["pwd"], "evidence": "missing",
        "auth_time": None, "requirement": "mfa", "mode": "report", "decision": "permit", "grounds": "report_only",
        "reason": "mfa_missing", "check": "mfa", "exception": None, "generation": 1,
    }
    log = tmp_path / "x\x1b[31m\u202e.jsonl"
    log.write_text(json.dumps(line) + "\n" + json.dumps({**line, "time": ODD, "decision": ODD}) + "\n" + ODD + "\n")
    for flags in ([], ["--json"]):
        ran = run("replay", "--config", str(config), "--log", str(log), *flags)
        assert is_safe(both(ran)), repr(both(ran))
