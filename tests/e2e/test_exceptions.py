"""Technical exceptions as a process: one asks, another one answers, and every step stays."""

import json
import os
import signal
import socket
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from support.exceptions import (
    APPROVER, CALLER, FILE, REQUESTER, SECOND, Person, at, everywhere, file, form, operator, reason, start, status,
)
from support.gateway import run
from support.journal import VALIDATORS, lines, metric, until
from support.postgres import Postgres

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(scope="module")
def postgres():
    postgres = Postgres()
    yield postgres
    postgres.close()


@pytest.fixture
def one(tmp_path, issuer, backend):
    """A gateway with a file."""
    gateway = start(tmp_path, issuer, backend, state={"directory": str(tmp_path / "state")})
    yield gateway
    gateway.stop()


@pytest.fixture
def two(tmp_path, issuer, backend, postgres):
    """Two replicas."""
    replicas = [start(tmp_path / name, issuer, backend, store={**postgres.settings, "outage": "4s"}) for name in ("a", "b")]
    yield replicas
    for gateway in replicas:
        gateway.stop()


def people(issuer, gateway) -> list[Person]:
    return [Person(issuer, gateway, name) for name in (REQUESTER, APPROVER, SECOND)]


def test_a_request_is_granted_by_another_person_and_counts_on_every_replica(two, issuer, postgres):
    first, second = two
    requester, approver, _ = people(issuer, first)
    caller = issuer.token(CALLER)
    assert [status(gateway, caller) for gateway in two] == [401, 401]
    explain = {"token": f"Bearer {caller}", "path": "/v1/customers?x=1"}
    evidence = {"ground": "third_party_mfa", "software": None, "files": [file()], "explain": explain}
    id = requester.ask(**evidence, reason="<script>alert(1)</script>\n=cmd()", ticket="T-1")
    # The gateway attached what it makes of the token, and not the token.
    detail = approver.at(second).get(f"/{id}").json()
    assert [one["kind"] for one in detail["evidence"]] == ["explain", "configuration"]
    attached = approver.get(f"/{id}/evidence/1")
    assert attached.json()["explanation"]["reason"] == "mfa_missing" and attached.json()["user"] == CALLER["sub"]
    everything = postgres.ask("SELECT convert_from(bytes, 'UTF8') FROM mfa_exception_evidence WHERE kind = 'explain'")
    assert CALLER["sub"] in everything and caller.split(".")[2] not in everything
    assert caller.split(".")[2] not in first.log.read_text()
    uploaded = approver.get(f"/{id}/evidence/2")
    assert uploaded.content == FILE and uploaded.headers["Content-Type"] == "application/octet-stream"
    assert uploaded.headers["Content-Disposition"].startswith("attachment;")
    assert uploaded.headers["X-Content-Type-Options"] == "nosniff"
    # Nobody answers an own request, nor long after the sign-in, nor without the role.
    as_both = Person(issuer, first, REQUESTER, groups=["admins", "security"])
    assert reason(as_both.step(id, "approve")) == (403, "own_request")
    stale = Person(issuer, first, APPROVER, auth_time=int(time.time()) - 16 * 60)
    refused = stale.step(id, "approve")
    assert reason(refused) == (401, "authentication_stale") and "max_age" in refused.headers["WWW-Authenticate"]
    assert reason(Person(issuer, first, APPROVER, amr=["pwd"]).step(id, "approve")) == (401, "mfa_missing")
    assert reason(Person(issuer, first, APPROVER, groups=["admins"]).step(id, "approve"))[0] in (403, 404)
    assert reason(operator(issuer, first).step(id, "approve")) == (403, "not_a_person")
    assert requester.state(id) == "requested" and [status(gateway, caller) for gateway in two] == [401, 401]
    approved = approver.step(id, "approve", reason="Checked with the vendor", version=1)
    assert approved.status_code == 200 and approved.json()["exception"]["state"] == "active", approved.text
    everywhere(two, caller, 200)
    # The exception is named wherever the request is.
    seen = until(lambda: [line for line in lines(second.decisions) if line["grounds"] == "exempt"])
    VALIDATORS["decision"].validate(seen[0])
    assert seen[0]["exception"] == id and seen[0]["reason"] is None
    explained = httpx.post(f"{second.admin_url}/explain", json={"token": caller, "path": "/v1/a"},
                           headers={"Authorization": f"Bearer {operator(issuer, second).token}"}).json()
    assert explained["reason"] == "exempt" and id in json.dumps(explained["steps"])
    replayed = run("replay", "--config", str(second.config_file), "--log", str(second.decisions), "--json")
    told = json.loads(replayed.stdout)
    assert replayed.returncode == 0 and told["newlyRefused"]["count"] == 0 and told["recorded"]["permitted"] == 1, told
    assert metric(second, "mfa_gateway_requests_total", reason="exempt") >= 1
    # It waives MFA and nothing else, for this caller and nobody else.
    assert status(first, issuer.token({**CALLER, "sub": "other"})) == 401
    assert status(first, issuer.token({**CALLER, "exp": int(time.time()) - 600})) == 401
    assert status(first, caller, "/orders") in (404, 405)
    assert approver.at(second).step(id, "revoke", reason="No longer needed").json()["exception"]["state"] == "revoked"
    everywhere(two, caller, 401)
    steps = requester.get(f"/{id}").json()["steps"]
    assert [(step["number"], step["step"], step["by"]["user"]) for step in steps] == [
        (1, "requested", REQUESTER), (2, "approved", APPROVER), (3, "revoked", APPROVER),
    ]
    assert [step["reason"] for step in steps] == [
        "<script>alert(1)</script>\n=cmd()", "Checked with the vendor", "No longer needed",
    ]
    assert all("MFA proven" in step["shown"] and step["at"] > "2026" for step in steps)


def test_a_request_and_its_end_survive_a_database_that_is_killed(two, issuer, postgres):
    requester, approver, _ = people(issuer, two[0])
    caller = issuer.token({**CALLER, "sub": "survivor"})
    id = requester.ask(user="survivor")
    assert approver.step(id, "approve").status_code == 200
    everywhere(two, caller, 200)
    os.kill(postgres.process.pid, signal.SIGQUIT)
    postgres.process.wait(10)
    # It goes on for a while, but nobody knows any more whether it was revoked.
    assert [status(gateway, caller) for gateway in two] == [200, 200]
    assert reason(approver.step(id, "revoke")) == (503, "store_unavailable")
    everywhere(two, caller, 401, within=8)
    assert status(two[0], issuer.jane()) == 200, "traffic with MFA notices nothing"
    assert metric(two[0], "mfa_gateway_exceptions_suspended") == 1
    postgres.start()
    everywhere(two, caller, 200, within=10)
    assert metric(two[0], "mfa_gateway_exceptions_suspended") == 0
    assert approver.state(id) == "active"
    assert approver.step(id, "revoke").status_code == 200
    everywhere(two, caller, 401)


def test_of_two_answers_at_once_one_counts(two, issuer):
    requester, approver, second = people(issuer, two[0])
    for _ in range(5):
        id = requester.ask(user="disputed")
        answers = [lambda: approver.step(id, "approve", version=1), lambda: second.at(two[1]).step(id, "reject", version=1)]
        with ThreadPoolExecutor() as pool:
            responses = list(pool.map(lambda answer: answer(), answers))
        codes = sorted(response.status_code for response in responses)
        assert codes == [200, 409], [response.text for response in responses]
        lost = next(response for response in responses if response.status_code == 409)
        assert reason(lost)[1] in ("exception_changed", "exception_wrong_state")
        assert len(approver.get(f"/{id}").json()["steps"]) == 2


def test_an_exception_begins_and_ends_by_time_alone(one, issuer):
    requester, approver, _ = people(issuer, one)
    caller = issuer.token(CALLER)
    id = requester.ask(starts=at(seconds=3), ends=at(seconds=6))
    assert approver.step(id, "approve").json()["exception"]["state"] == "approved"
    assert status(one, caller) == 401
    until(lambda: status(one, caller) == 200, within=4)
    assert approver.state(id) == "active"
    until(lambda: status(one, caller) == 401, within=5)
    assert approver.state(id) == "expired"
    assert reason(approver.step(id, "revoke")) == (409, "exception_ended")


def test_a_step_counts_at_once_where_it_was_made_and_survives_a_restart(tmp_path, issuer, backend):
    settings = {"state": {"directory": str(tmp_path / "state")}}
    gateway = start(tmp_path, issuer, backend, **settings)
    requester, approver, _ = people(issuer, gateway)
    caller, other = issuer.token(CALLER), issuer.token({**CALLER, "client_id": "other"})
    id = requester.ask(application="partner-portal", user=None, issuer="wingtip", routes=["/v1/"])
    assert approver.step(id, "approve").status_code == 200
    assert (status(gateway, caller), status(gateway, other)) == (200, 401)
    gateway.stop()
    gateway = start(tmp_path, issuer, backend, **settings)
    assert (status(gateway, caller), status(gateway, other)) == (200, 401), "from the first request on"
    assert approver.at(gateway).step(id, "revoke").status_code == 200
    assert status(gateway, caller) == 401
    gateway.stop()


def test_what_is_no_ground_is_answered_at_once_and_leaves_nothing(one, issuer):
    requester, *_ = people(issuer, one)
    grounds = ("more_time", "no_delegated_rights", "service_accounts", "no_phones", "legacy_protocols")
    answers = [requester.post(**form(ground=ground)) for ground in grounds]
    assert [reason(answer) for answer in answers] == [(422, "exception_no_ground")] * 5
    assert len({answer.json()["remedy"] for answer in answers}) == 5
    assert all("Mandating MFA" in answer.json()["detail"] for answer in answers)
    assert requester.get().json()["exceptions"] == []


# Each process collects the tests at another time, so that times are made later.
@pytest.mark.parametrize("changes", [
    {"ends": lambda: at(days=-1)}, {"ends": lambda: at(days=31)}, {"starts": lambda: at(days=2), "ends": lambda: at(days=1)}, {"ends": "tomorrow"},
    {"starts": lambda: at(days=-1)}, {"starts": lambda: at(days=40), "ends": lambda: at(days=41)},
    {"user": None}, {"user": ""}, {"user": "x" * 10_000}, {"owner": " "}, {"owner": "a\nb"}, {"reason": ""},
    {"reason": "x" * 5_000}, {"reason": "a\u0000b"}, {"issuer": "unknown"}, {"routes": ["/v2/"]}, {"routes": []},
    {"software": None}, {"purchaseOrder": None}, {"files": [file(kind="explain")]}, {"files": [file(content=b"")]},
    {"files": [file()] * 6}, {"files": [file(content=b"x" * (1 << 20) + b"y")]},
    {"ground": "third_party_mfa"}, {"ground": "third_party_mfa", "files": [file()]},
])
def test_a_request_that_cannot_be_meant_is_refused_with_a_remedy(shared, issuer, changes):
    requester, *_ = people(issuer, shared)
    refused = requester.post(**form(**{name: value() if callable(value) else value for name, value in changes.items()}))
    assert reason(refused) == (422, "exception_invalid") and refused.json()["remedy"], refused.text
    assert requester.get().json()["exceptions"] == []


@pytest.fixture(scope="module")
def shared(tmp_path_factory, issuer, session_backend):
    folder = tmp_path_factory.mktemp("shared")
    gateway = start(folder, issuer, session_backend, state={"directory": str(folder / "state")})
    yield gateway
    gateway.stop()


def test_a_token_shows_something_only_of_the_account_that_the_exception_is_for(shared, issuer):
    requester, *_ = people(issuer, shared)

    def asked(token: str, **more):
        explain = {"token": token, "path": "/v1/a", **more}
        return requester.post(**form(ground="third_party_mfa", files=[file()], explain=explain))

    for token, more in [
        (issuer.token({**CALLER, "sub": "other"}), {}), (issuer.token({**CALLER, "exp": int(time.time()) - 600}), {}),
        ("nonsense", {}), ("", {}), (issuer.token({**CALLER, "amr": ["mfa"]}), {}), (issuer.token(CALLER), {"path": "/none"}),
    ]:
        refused = asked(token, **more)
        assert reason(refused) == (422, "exception_invalid"), refused.text
        assert not token or token not in refused.text
    assert requester.get().json()["exceptions"] == []


def test_bodies_are_strict_and_bounded(shared, issuer):
    requester, *_ = people(issuer, shared)
    for body in ({"reason": "x"}, form(**{"files": [{**file(), "base64": "%%%"}]}), form(unknown=1), form(ground="other"), []):
        assert reason(requester.send("POST", "", json=body)) == (400, "malformed_request"), body
    assert requester.send("POST", "", content=b"{}", headers={"Content-Type": "text/plain"}).status_code == 415
    # A file of 1 GB is refused by its announced length, before it is sent.
    with socket.create_connection(("127.0.0.1", shared.admin_port), timeout=10) as client:
        client.sendall(
            f"POST /exceptions HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {requester.token}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {1 << 30}\r\n\r\n{{".encode()
        )
        assert b" 413 " in client.recv(1 << 16).split(b"\r\n")[0]
    # Without one, as soon as it is too long.
    parts = (b" " * (1 << 20) for _ in range(64))
    fields = {"Content-Type": "application/json"}
    assert reason(requester.send("POST", "", content=parts, headers=fields)) == (413, "body_too_large")


def test_a_request_is_taken_back_by_its_requester_and_rejected_by_others(shared, issuer):
    requester, approver, second = people(issuer, shared)
    id = requester.ask()
    assert reason(second.step(id, "withdraw")) == (403, "not_the_requester")
    assert reason(requester.step(id, "revoke"))[0] == 403 and reason(requester.step(id, "reject"))[0] == 403
    assert requester.step(id, "withdraw").json()["exception"]["state"] == "withdrawn"
    for step, person in (("approve", approver), ("reject", approver), ("withdraw", requester), ("revoke", approver)):
        assert reason(person.step(id, step)) == (409, "exception_wrong_state")
    id = requester.ask()
    assert approver.step(id, "reject", reason="Use a FIDO2 key").json()["steps"][1]["reason"] == "Use a FIDO2 key"
    assert reason(approver.step(id, "approve")) == (409, "exception_wrong_state")
    # Not for oneself either, by whomever it was asked for.
    id = requester.ask(user=APPROVER)
    assert reason(approver.step(id, "approve")) == (403, "own_exception")
    assert second.step(id, "approve").status_code == 200
    # What takes rights away needs no second pair of eyes, and no recent sign-in.
    stale = Person(issuer, shared, APPROVER, auth_time=int(time.time()) - 86_400)
    assert stale.step(id, "revoke").status_code == 200
    id = requester.ask()
    assert approver.step(id, "approve").status_code == 200
    revoked = operator(issuer, shared).step(id, "revoke")
    assert revoked.json()["steps"][2]["by"] == {"issuer": None, "tenant": None, "user": None, "name": "token file"}
    for reason_of in ("", " ", "x" * 5_000):
        assert approver.step(id, "revoke", reason=reason_of).status_code in (409, 422)


def test_evidence_is_added_by_the_requester_while_the_request_waits(shared, issuer):
    requester, approver, second = people(issuer, shared)
    id = requester.ask()
    assert reason(second.send("POST", f"/{id}/evidence", json=file())) == (403, "not_the_requester")
    added = requester.send("POST", f"/{id}/evidence", json=file(kind="other", name="ö\"'.txt"))
    assert added.status_code == 200 and added.json()["exception"]["version"] == 2
    # The one who answers has seen what was there.
    assert reason(approver.step(id, "approve", version=1)) == (409, "exception_changed")
    for _ in range(4):
        assert requester.send("POST", f"/{id}/evidence", json=file()).status_code == 200
    assert reason(requester.send("POST", f"/{id}/evidence", json=file())) == (409, "evidence_full")
    assert reason(approver.get(f"/{id}/evidence/6")) == (404, "no_such_evidence")
    assert approver.step(id, "approve", version=6).status_code == 200
    assert reason(requester.send("POST", f"/{id}/evidence", json=file())) == (409, "exception_wrong_state")
    assert "%C3%B6%22%27%2Etxt" in approver.get(f"/{id}/evidence/1").headers["Content-Disposition"]
    assert approver.step(id, "revoke").status_code == 200


def test_everybody_sees_what_they_may_and_nobody_else_sees_anything(tmp_path, issuer, backend):
    configured = {"id": "batch 1/2", "owner": "o", "reason": "r", "user": "u", "expires": at(days=20)[:19] + "Z"}
    gateway = start(tmp_path, issuer, backend, state={"directory": str(tmp_path / "state")}, exceptions=[configured])
    requester, approver, second = people(issuer, gateway)
    own, others = requester.ask(), second.ask()
    listed = [{one["id"] for one in person.get().json()["exceptions"]} for person in (requester, approver, operator(issuer, gateway))]
    assert listed == [{own}, {own, others, "batch 1/2"}, {own, others, "batch 1/2"}]
    assert approver.get(state="active").json()["exceptions"][0]["origin"] == "configuration"
    assert [one["id"] for one in approver.get(state="requested", limit=1).json()["exceptions"]] == [others]
    after = approver.get(state="requested", limit=1).json()["next"]
    assert [one["id"] for one in approver.get(state="requested", limit=1, after=after).json()["exceptions"]] == [own]
    assert approver.get("/batch%201%2F2").json()["exception"]["owner"] == "o"
    assert reason(approver.step("batch%201%2F2", "revoke")) == (409, "exception_configured")
    assert reason(requester.get(f"/{others}")) == (404, "no_such_exception")
    assert reason(requester.get(f"/{others}/evidence/1")) == (404, "no_such_exception")
    assert reason(requester.step(others, "withdraw")) == (404, "no_such_exception")
    for person in (Person(issuer, gateway, "stranger"), Person(issuer, gateway, "stranger", groups=["others"])):
        for method, path in [("GET", ""), ("GET", f"/{own}"), ("POST", ""), ("POST", f"/{own}/approve")]:
            assert reason(person.send(method, path, **({"json": form()} if method == "POST" else {}))) == (403, "not_an_operator")
    nobody = Person(issuer, gateway, "nobody", aud="api://partner", groups=["admins"])
    assert nobody.get().status_code == 401 and nobody.post(**form()).status_code == 401
    nobody.token = issuer.token({"aud": "api://gateway-admin", "sub": "d", "client_id": "d", "idtyp": "app", "groups": ["admins"]})
    assert nobody.post(**form()).status_code in (401, 403)
    assert httpx.get(f"{gateway.admin_url}/exceptions", trust_env=False).status_code == 401
    gateway.stop()


def test_people_with_a_role_are_no_operators(shared, issuer):
    requester, approver, _ = people(issuer, shared)
    listed = Person(issuer, shared, "operator-1")

    def code(person: Person, path: str) -> int:
        return httpx.get(shared.admin_url + path, headers={"Authorization": f"Bearer {person.token}"}).status_code

    for path in ("/config", "/sessions", "/issuers"):
        assert (code(requester, path), code(approver, path)) == (403, 403) and code(listed, path) in (200, 404)
    id = requester.ask()
    assert reason(listed.step(id, "approve"))[0] == 403 and listed.post(**form()).status_code == 403
    assert approver.step(id, "approve").status_code == 200
    assert listed.step(id, "revoke").status_code == 200


def test_open_requests_and_near_ends_are_measured(shared, issuer):
    requester, approver, _ = people(issuer, shared)
    before = metric(shared, "mfa_gateway_exception_requests", state="active")
    soon, later = requester.ask(ends=at(hours=20)), requester.ask(ends=at(days=6))
    waiting = requester.ask()
    for id in (soon, later):
        assert approver.step(id, "approve").status_code == 200
    assert metric(shared, "mfa_gateway_exception_requests", state="active") == before + 2
    assert metric(shared, "mfa_gateway_exceptions_ending", within="1d") == 1
    assert metric(shared, "mfa_gateway_exceptions_ending", within="7d") == 2
    entry = approver.get(f"/{waiting}").json()["exception"]
    assert entry["due"] > entry["requested"] and entry["overdue"] is False
    assert metric(shared, "mfa_gateway_exception_request_due_timestamp_seconds") > time.time()
    assert metric(shared, "mfa_gateway_exception_register_read_timestamp_seconds") > time.time() - 5
    assert shared.logged("a granted exception ends soon")
    for id in (soon, later):
        approver.step(id, "revoke")
    requester.step(waiting, "withdraw")
    assert metric(shared, "mfa_gateway_exceptions_ending", within="7d") == 0


def test_the_command_does_the_same(shared, issuer, tmp_path):
    requester, approver, _ = people(issuer, shared)

    def command(person: Person, *arguments: str):
        token = tmp_path / person.name
        token.write_text(person.token)
        return run("exceptions", *arguments, "--admin-url", shared.admin_url, "--operator-token-file", str(token))

    caller, rules = tmp_path / "caller", tmp_path / "rules.txt"
    caller.write_text(issuer.token(CALLER))
    rules.write_bytes(FILE)
    asked = command(
        requester, "request", "--ground", "third_party_mfa", "--owner", "Identity", "--reason", "The vendor's bug",
        "--user", CALLER["sub"], "--ends", at(days=3), "--purchase-order", "4711", "--file", f"configuration={rules}",
        "--explain-token-file", str(caller), "--explain-path", "/v1/customers", "--json",
    )
    assert asked.returncode == 0, asked
    id = json.loads(asked.stdout)["exception"]["id"]
    listed = command(approver, "list", "--state", "requested")
    assert id in listed.stdout and "Identity" in listed.stdout and listed.returncode == 0
    own = command(Person(issuer, shared, REQUESTER, groups=["admins", "security"]), "approve", id, "--reason", "me")
    assert own.returncode == 1 and "another one must answer" in own.stdout, own
    approved = command(approver, "approve", id, "--reason", "Checked", "--version", "1")
    assert approved.returncode == 0 and "2. " in approved.stdout and "Checked" in approved.stdout, approved
    assert status(shared, issuer.token(CALLER)) == 200
    assert command(approver, "approve", id, "--reason", "again").returncode == 1
    shown = command(approver, "show", id)
    assert "evidence 1: explain" in shown.stdout and "rules.txt" in shown.stdout
    assert command(operator(issuer, shared), "revoke", id, "--reason", "over").returncode == 0
    assert status(shared, issuer.token(CALLER)) == 401
    other = requester.ask()
    assert command(requester, "withdraw", other, "--reason", "solved").returncode == 0
    other = requester.ask()
    assert command(approver, "reject", other, "--reason", "no").returncode == 0
    assert command(approver, "show", "../config").returncode == 1
    wrong = command(requester, "request", "--ground", "no_phones", "--owner", "o", "--reason", "r", "--user", "u", "--ends", at(days=1))
    assert wrong.returncode == 1 and "FIDO2" in wrong.stdout
    assert run("exceptions", "request", "--ground", "no_phones").returncode == 2


@pytest.mark.parametrize("claims", [
    {"preferred_username": "guest_fabrikam.example#EXT#@contoso.example", "acct": 1},
    {"preferred_username": "svc-backup@contoso.example"},
    {"preferred_username": "breakglass@contoso.example", "wids": ["62e90394-69f5-4237-9190-012177145e10"]},
    {"preferred_username": "Sync_DC01@contoso.example", "wids": ["d29b2b05-8046-44ba-8758-1e26182fcf32"]},
    {"preferred_username": "admin@sandbox.example"},
], ids=lambda claims: claims["preferred_username"])
def test_no_kind_of_account_is_exempt(shared, issuer, claims):
    sub = claims["preferred_username"]
    assert status(shared, issuer.token({**CALLER, "sub": sub, **claims})) == 401
    assert status(shared, issuer.token({**CALLER, "sub": sub, **claims, "amr": ["mfa"]})) == 200
    line = until(lambda: [line for line in lines(shared.decisions) if line["user"] == sub])[0]
    assert (line["decision"], line["reason"]) == ("deny", "mfa_missing")
    # In the report like everybody.
    told = run("report", "--log", str(shared.decisions), "--json")
    assert sub in told.stdout
