"""No account is left out: guests, service accounts, emergency accounts and sandbox accounts stand in the report like everybody,
and so does the account that synchronises the directory, by its name."""

import json

import pytest

from support.gateway import run
from support.http1 import call
from support.journal import lines, until
from support.operators import operated, shown

TENANT, SANDBOX = "11111111-aaaa-4aaa-8aaa-111111111111", "33333333-cccc-4ccc-8ccc-333333333333"
SYNCHRONISES = "d29b2b05-8046-44ba-8758-1e26182fcf32"

ACCOUNTS = {
    "guest": {"idp": "https://sts.windows.net/9188040d-6c67-4c5b-b112-36a304b66dad/", "acct": 1, "upn": "guest_fabrikam#EXT#@contoso.example"},
    "service-account": {"upn": "svc-billing@contoso.example"},
    "emergency": {"upn": "breakglass@contoso.example", "wids": ["62e90394-69f5-4237-9190-012177145e10"]},
    "sandbox": {"upn": "admin@sandbox.example", "tid": SANDBOX},
    "sync": {"upn": "Sync_DC1_0123456789ab@contoso.example", "wids": [SYNCHRONISES]},
}


@pytest.fixture
def start(tmp_path, issuer, backend):
    started = []

    def start(**more):
        state = tmp_path / "state"
        state.mkdir(mode=0o700, exist_ok=True)
        started.append(operated(
            tmp_path, issuer, backend, state={"directory": str(state)}, store={"timeout": "10s"},
            log={"decisions": "all", "decision_output": str(tmp_path / "decisions.jsonl")}, **{"report": {}, **more},
        ))
        return started[-1]

    yield start
    for gateway in started:
        gateway.stop()


def token(issuer, name):
    return issuer.token({"sub": name, "scp": "user_impersonation", "amr": ["pwd"], "tid": TENANT, **ACCOUNTS[name]})


def reported(gateway, tmp_path) -> dict:
    """The users in the report: those of the store, which are those of the log."""
    stored = shown(gateway, "/report")
    logged = json.loads(run("report", "--log", str(tmp_path / "decisions.jsonl"), "--json").stdout)
    known = [{name: value for name, value in one.items() if name != "name"} for one in stored["withoutMfa"]]
    assert sorted(known, key=str) == sorted(logged["withoutMfa"], key=str)
    return {one["user"]: one for one in stored["withoutMfa"]}


def test_every_account_without_mfa_is_refused_and_reported(start, issuer, tmp_path):
    gateway = start()
    for name in ACCOUNTS:
        assert call(gateway.port, "/v1/a", token(issuer, name)).status == 401
    until(lambda: len([one for one in lines(tmp_path / "decisions.jsonl") if one["event"] == "decision"]) == len(ACCOUNTS))
    users = reported(gateway, tmp_path)
    assert set(users) == set(ACCOUNTS)
    assert {(one["requests"], one["refused"], one["exempt"]) for one in users.values()} == {(1, 1, 0)}
    assert {name: one.get("kind") for name, one in users.items()} == {**dict.fromkeys(ACCOUNTS), "sync": "directory_sync"}
    report = shown(gateway, "/report")
    assert (report["api"]["requests"], report["api"]["percent"]) == (len(ACCOUNTS), 0)


def test_the_account_that_synchronises_passes_by_an_exception_alone_and_the_report_shows_it(start, issuer, tmp_path):
    gateway = start(exceptions=[{
        "id": "EX-SYNC", "owner": "identity@contoso.example", "reason": "The directory's synchronisation has nobody at a screen.",
        "expires": "2099-01-01T00:00:00Z", "user": "sync",
    }])
    assert call(gateway.port, "/v1/a", token(issuer, "sync")).status == 200
    assert call(gateway.port, "/v1/a", token(issuer, "service-account")).status == 401
    logged = until(lambda: [one for one in lines(tmp_path / "decisions.jsonl") if one.get("user") == "sync"])
    assert [(one["user_kind"], one["grounds"], one["exception"]) for one in logged] == [("directory_sync", "exempt", "EX-SYNC")]
    until(lambda: len(lines(tmp_path / "decisions.jsonl")) == 2)
    users = reported(gateway, tmp_path)
    assert (users["sync"]["kind"], users["sync"]["exempt"], users["sync"]["refused"]) == ("directory_sync", 1, 0)
    assert "kind" not in users["service-account"]
    report = shown(gateway, "/report")
    assert report["exceptions"] == [{"exception": "EX-SYNC", "requests": 1}]
    text = run("report", "--log", str(tmp_path / "decisions.jsonl")).stdout
    assert "sync (directory synchronisation)" in text
    explained = run("explain", "--config", str(gateway.config_file), "--path", "/v1/a", "--token-file", "-", stdin=token(issuer, "sync")).stdout
    assert "synchronises the directory" in explained


def test_lists_of_accounts_are_read_again_when_they_change_and_stop_nothing(start, issuer, tmp_path):
    path = tmp_path / "accounts.csv"
    path.write_text("upn,isMfaRegistered,accountEnabled\na,true,true\nb,false,true\nc,false,false\n")
    gateway = start(report={"accounts": [{"issuer": "wingtip", "tenant": TENANT, "file": str(path)}]})

    def registered(query=""):
        return shown(gateway, f"/report{query}")["registered"]

    [found] = registered()
    assert (found["issuer"], found["tenant"]) == ("wingtip", TENANT)
    assert found["accounts"]["enabled"] == {"accounts": 2, "registered": 1, "percent": 50} and found["accounts"]["disabled"] == 1
    assert registered(f"?tenant={TENANT}") == [found] and registered(f"?tenant={SANDBOX}") is None
    path.write_text("upn,isMfaRegistered,accountEnabled\na,true,true\nb,true,true\n")
    assert registered()[0]["accounts"]["enabled"]["percent"] == 100
    path.write_text("upn,isMfaRegistered\na,perhaps\n")
    [found] = registered()
    assert found["accounts"] is None and "line 2, column 3: `perhaps` is neither yes nor no" in found["problem"]
    assert call(gateway.port, "/v1/a", issuer.jane()).status == 200
    checked = run("check", "--config", str(gateway.config_file))
    assert checked.returncode == 0 and "report.accounts[0].file" in checked.stdout + checked.stderr
