"""The status report of a decision log: the figures are those of the traffic that was sent."""

import csv
import io
import json

import pytest

from support.gateway import run
from support.identity_provider import CASEY, JANE
from support.journal import lines, until
from support.visitor import FETCH


@pytest.fixture
def traffic(start_portal, tmp_path, provider):
    """A portal and an API, and what was asked of them."""
    page = {"upstream": "pages", "credential": "session", "require": "mfa"}
    portal = start_portal(
        log={"decisions": "all", "decision_output": str(tmp_path / "decisions.jsonl")},
        routes=[
            {"prefix": "/pages/", **page}, {"prefix": "/v1/", "require": "mfa", "upstream": "pages"},
            {"prefix": "/trial/", "require": "mfa", "mode": "report", "upstream": "pages"},
            {"prefix": "/later/", "require": "mfa", "mode": "off", "upstream": "pages"},
            {"prefix": "/open/", "require": "authenticated", "upstream": "pages"},
            {"prefix": "/status", "require": "public", "upstream": "pages"},
        ],
    )
    visitor = portal.visitor()

    def call(path: str, token: str | None, times: int, expected: int):
        headers = [*FETCH, *([("Authorization", f"Bearer {token}")] if token else [])]
        assert {visitor.send(portal.at(path), headers=headers).status for _ in range(times)} == {expected}

    call("/v1/a", provider.jane(), 6, 200)
    call("/v1/a", provider.john(), 3, 401)
    call("/trial/a", provider.john(), 2, 200)
    call("/later/a", provider.john(), 1, 200)
    call("/later/a", provider.jane(), 1, 200)
    call("/v1/a", None, 5, 401)
    call("/v1/a", "e30.e30.e30", 5, 401)
    call("/open/a", provider.john(), 5, 200)
    call("/status", None, 5, 200)
    provider.person = dict(JANE)
    jane = portal.signed_in("/pages/start")
    for _ in range(3):
        assert jane.fetch(portal.at("/pages/a")).status == 200
    provider.person = dict(CASEY)
    casey = portal.visitor()
    assert casey.open(portal.at("/pages/a")).status == 403
    portal.decisions = tmp_path / "decisions.jsonl"
    until(lambda: len([line for line in lines(portal.decisions) if line["route"] == "/pages/"]) >= 7)
    return portal


def report(portal, *arguments: str):
    return run("report", "--log", str(portal.decisions), *arguments)


def test_the_figures_are_those_of_the_traffic(traffic):
    told = report(traffic, "--json")
    assert told.returncode == 0, told
    document = json.loads(told.stdout)
    assert document["api"] == {
        "requests": 13, "withMfa": 7, "percent": 53, "refused": 3, "exempt": 0, "reportOnly": 2, "off": 1,
    }
    # Jane's page, and three more; Casey's one page after the sign-in. Without a session nobody is judged.
    assert document["portal"] == {"requests": 5, "withMfa": 4, "percent": 80, "refused": 1, "exempt": 0, "reportOnly": 0, "off": 0}
    routes = {group["name"]: group["share"]["percent"] for group in document["routes"]}
    assert routes == {"/v1/": 66, "/trial/": 0, "/later/": 50, "/pages/": 80}
    without = {(user["credential"], user["requests"]) for user in document["withoutMfa"]}
    assert without == {("bearer", 6), ("session", 1)}
    assert sum(day["api"]["requests"] for day in document["days"]) == 13


def test_what_is_printed_and_what_is_downloaded_say_the_same(traffic):
    text = report(traffic).stdout
    assert "through the portal   80 %" in text and "through the API      53 %" in text, text
    rows = list(csv.DictReader(io.StringIO(report(traffic, "--csv", "applications").stdout)))
    assert sum(int(row["requests"]) for row in rows) == 18 and sum(int(row["withMfa"]) for row in rows) == 11
    (casey,) = csv.DictReader(io.StringIO(report(traffic, "--csv", "portal").stdout))
    assert casey["user"] == CASEY["sub"] and casey["requestsWithoutMfa"] == "1"
    requests = list(csv.DictReader(io.StringIO(report(traffic, "--csv", "requests").stdout)))
    assert len(requests) == 13 and [row["mfaCompliant"] for row in requests].count("true") == 7
    assert requests == sorted(requests, key=lambda row: row["time"], reverse=True)


def test_other_days_have_no_data_and_a_log_that_lacks_some_says_so(traffic, tmp_path):
    other = report(traffic, "--from", "2020-01-01", "--to", "2020-01-31", "--json")
    assert other.returncode == 0 and json.loads(other.stdout)["api"]["percent"] is None
    assert "no data" in report(traffic, "--from", "2020-01-01", "--to", "2020-01-31").stdout
    damaged = tmp_path / "damaged.jsonl"
    damaged.write_text(traffic.decisions.read_text() + '{"event":"lines_lost","log":"decisions","lines":7}\nnonsense\n')
    told = run("report", "--log", str(damaged))
    assert told.returncode == 1 and "lost 7 lines" in told.stdout and "damaged.jsonl:" in told.stdout, told
    assert run("report", "--log", str(tmp_path / "missing")).returncode == 2
    assert run("report", "--log", str(damaged), "--from", "yesterday").returncode == 2


ACCOUNTS = "id,userPrincipalName,userType,isAdmin,isMfaRegistered,accountEnabled\r\n"


def listed(path, disabled: int, registered: int, without: int):
    """A list of accounts, as exports are written: a mark of the byte order, CRLF, quotes."""
    rows = [f'{at},"disabled{at}@contoso.example",member,False,,False' for at in range(disabled)]
    rows += [f"r{at},r{at}@contoso.example,member,{at < 5},True,True" for at in range(registered)]
    rows += [f"w{at},w{at}@contoso.example,{'guest' if at < 2 else 'member'},{at == 9},False,True" for at in range(without)]
    path.write_bytes(("\ufeff" + ACCOUNTS + "".join(row + "\r\n" for row in rows)).encode())
    return path


def test_the_share_of_registered_accounts_comes_from_a_list_alone(traffic, tmp_path):
    # The published example: 110 accounts, 10 of them disabled, 90 of the others with MFA.
    path = listed(tmp_path / "accounts.csv", 10, 90, 10)
    assert json.loads(report(traffic, "--json").stdout)["registered"] is None
    [found] = json.loads(report(traffic, "--json", "--accounts", str(path)).stdout)["registered"]
    accounts = found["accounts"]
    assert accounts["enabled"] == {"accounts": 100, "registered": 90, "percent": 90} and accounts["disabled"] == 10
    assert accounts["administrators"] == {"accounts": 6, "registered": 5, "percent": 83}
    assert accounts["guests"] == {"accounts": 2, "registered": 0, "percent": 0}
    assert not accounts["allTakenAsEnabled"] and not accounts["byCapability"] and found["asOf"].endswith("Z")
    text = report(traffic, "--accounts", str(path)).stdout
    [line] = [line.split() for line in text.splitlines() if line.startswith("all ")]
    assert line[:6] == ["all", "90", "%", "90", "100", "10"]


def test_a_list_that_is_wrong_has_no_share(traffic, tmp_path):
    path = tmp_path / "accounts.csv"
    path.write_text("userPrincipalName,isMfaRegistered\na,True\nb,maybe\n")
    ran = report(traffic, "--accounts", str(path))
    assert ran.returncode == 1
    assert f"no data: {path}: line 3, column 3: `maybe` is neither yes nor no: write `true` or `false`" in ran.stdout
    [found] = json.loads(report(traffic, "--json", "--accounts", str(path)).stdout)["registered"]
    assert found["accounts"] is None and "line 3" in found["problem"]
