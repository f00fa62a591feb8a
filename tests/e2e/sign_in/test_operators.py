"""What operators see of people's sessions, and end: by the admin listener and by the command (SESSIONS 28)."""

import json
import signal

import httpx
import pytest
import yaml
from support.gateway import run
from support.identity_provider import JANE, JOHN
from support.journal import VALIDATORS, lines, metric, until
from support.links import Links
from support.operators import TOKEN
from support.portal import SESSION, secret_file

OPERATOR = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture
def portal(start_portal, tmp_path):
    portal = start_portal(
        admin={"authentication": {"token_file": secret_file(tmp_path, "operators", TOKEN)}},
        log={"decisions": "all", "decision_output": str(tmp_path / "decisions.log")},
    )
    portal.decisions = tmp_path / "decisions.log"
    portal.token_file = str(tmp_path / "operators")
    return portal


def sessions(portal, **query) -> list[dict]:
    return httpx.get(f"{portal.admin_url}/sessions", params=query, headers=OPERATOR).raise_for_status().json()["sessions"]


def end(portal, **whose) -> httpx.Response:
    return httpx.post(f"{portal.admin_url}/sessions/end", json=whose, headers=OPERATOR)


def is_alive(portal, visitor) -> bool:
    return visitor.fetch(portal.at("/pages/a")).status == 200


def command(portal, *arguments: str):
    return run(*arguments, "--admin-url", portal.admin_url, "--operator-token-file", portal.token_file)


def signed_in_as(portal, provider, person: dict):
    provider.person = dict(person)
    return portal.signed_in()


def test_p28_an_operator_ends_one_session_one_users_and_all(portal, provider):
    jane, again = (signed_in_as(portal, provider, JANE) for _ in range(2))
    john = signed_in_as(portal, provider, JOHN)
    cookies = [visitor.cookies()[SESSION].value for visitor in (jane, again, john)]
    listed = sessions(portal)
    assert [one["standing"] for one in listed] == ["live"] * 3
    own = Links(jane.send(portal.own("sessions")).text).text
    # The page of Jane's own sessions names both, and not John's.
    here, there = (one for one in listed if one["id"] in own)
    assert here["user"] == there["user"]
    assert end(portal, id=here["id"]).json() == {"status": "ended", "ended": 1}
    assert sorted(is_alive(portal, visitor) for visitor in (jane, again)) == [False, True] and is_alive(portal, john)
    assert end(portal, user=here["user"]).json()["ended"] == 1
    assert not is_alive(portal, jane) and not is_alive(portal, again) and is_alive(portal, john)
    assert end(portal, all=True).json()["ended"] == 1 and not is_alive(portal, john)
    assert sessions(portal) == [] and len(sessions(portal, ended="true")) == 3
    assert metric(portal, "mfa_gateway_sessions_ended_total", reason="operator") == 3
    # Nothing in it could be used.
    text = json.dumps(listed)
    assert not any(value in text for value in cookies)


@pytest.mark.parametrize("whose", [{}, {"id": "x"}, {"id": "x", "all": True}, {"subject": "s"}, {"all": False}, {"users": "u"}])
def test_p28_a_slip_ends_nobodys_session(portal, whose):
    visitor = portal.signed_in()
    answer = end(portal, **whose)
    assert answer.status_code in (200, 400, 422) and answer.json().get("ended", 0) == 0, answer.text
    assert is_alive(portal, visitor)
    for headers in ({}, {"Authorization": "Bearer wrong"}):
        assert httpx.post(f"{portal.admin_url}/sessions/end", json={"all": True}, headers=headers).status_code == 401
        assert httpx.get(f"{portal.admin_url}/sessions", headers=headers).status_code == 401
    assert is_alive(portal, visitor)


def test_p28_the_command_lists_shows_and_ends(portal):
    visitor = portal.signed_in()
    (row,) = sessions(portal)
    listed = command(portal, "sessions", "list")
    assert listed.returncode == 0 and row["id"] in listed.stdout and "live" in listed.stdout, listed
    shown = command(portal, "sessions", "show", row["id"])
    assert shown.returncode == 0 and row["user"] in shown.stdout, shown
    as_json = command(portal, "sessions", "list", "--json")
    assert json.loads(as_json.stdout)["sessions"][0]["id"] == row["id"]
    ended = command(portal, "sessions", "end", row["id"])
    assert ended.returncode == 0 and "1 session ended" in ended.stdout, ended
    assert not is_alive(portal, visitor)
    assert command(portal, "sessions", "show", "nobodys").returncode == 1


def test_a_session_is_explained_step_by_step(portal, provider):
    john = signed_in_as(portal, provider, JOHN)
    (row,) = sessions(portal)
    for path, reason in (("/pages/a", "authenticated"), ("/mfa/a", "mfa_missing"), ("/v1/a", "no_credential")):
        asked = httpx.post(f"{portal.admin_url}/explain", json={"session": row["id"], "path": path}, headers=OPERATOR)
        assert asked.status_code == 200 and asked.json()["reason"] == reason, (path, asked.text)
        told = command(portal, "explain", "--session", row["id"], "--path", path)
        assert told.returncode == (0 if reason == "authenticated" else 1) and reason in told.stdout, told
    end(portal, id=row["id"])
    over = httpx.post(f"{portal.admin_url}/explain", json={"session": row["id"], "path": "/pages/a"}, headers=OPERATOR)
    assert over.json()["reason"] == "no_credential" and "operator" in over.text
    assert john is not None


def test_the_log_says_that_a_session_was_judged_and_which(portal, provider):
    visitor = portal.signed_in()
    (row,) = sessions(portal)
    portal.visitor().send(portal.at("/pages/a"))
    visitor.send(portal.at("/v1/a"))
    until(lambda: len(lines(portal.decisions)) >= 4)
    written = lines(portal.decisions)
    for line in written:
        VALIDATORS["decision"].validate(line)
    seen = [(line["route"], line["credential"], line.get("session"), line["decision"]) for line in written]
    assert ("/pages/", "session", row["id"], "permit") in seen
    assert ("/pages/", "session", None, "deny") in seen
    assert ("/v1/", "bearer", None, "deny") in seen
    assert metric(portal, "mfa_gateway_requests_total", route="/pages/", credential="session", result="permitted") >= 1
    assert metric(portal, "mfa_gateway_requests_total", route="/v1/", credential="bearer") == 1
    # The same decisions come out of the log again.
    again = run("replay", "--config", str(portal.config_file), "--log", str(portal.decisions))
    assert again.returncode == 0, again


def test_p28_roles_are_read_anew_at_the_next_request_after_a_reload(start_portal, provider):
    provider.person = {**JANE, "department": "audit"}
    portal = start_portal()
    visitor = portal.signed_in()
    assert [visitor.fetch(portal.at(path)).status for path in ("/commerce/a", "/billing/a")] == [200, 403]
    config = yaml.safe_load(portal.config_file.read_text())
    # Roles by a claim that no rule read when she signed in, and none by the one that was read.
    config["roles"] = [
        {"name": "agent", "any": [{"claim": "groups", "contains": "others"}]},
        {"name": "auditor", "any": [{"claim": "department", "equals": "audit"}]},
    ]
    portal.config_file.write_text(yaml.safe_dump(config))
    portal.process.send_signal(signal.SIGHUP)
    until(lambda: visitor.fetch(portal.at("/billing/a")).status == 200, within=10)
    assert [visitor.fetch(portal.at(path)).status for path in ("/commerce/a", "/mfa/a")] == [403, 200]
    assert portal.trips(visitor) == 1


def test_p28_a_users_sessions_are_bounded(start_portal, provider):
    portal = start_portal(session={"per_user": 2})
    provider.person = dict(JOHN)
    john = portal.signed_in()
    provider.person = dict(JANE)
    visitors = [portal.signed_in() for _ in range(4)]
    assert [is_alive(portal, visitor) for visitor in visitors].count(True) == 2
    assert is_alive(portal, visitors[-1]) and is_alive(portal, john)
    assert metric(portal, "mfa_gateway_sessions_ended_total", reason="too_many") == 2
