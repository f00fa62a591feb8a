"""The status report from the store: its figures are those of the traffic, of the log and of the downloads, whatever dies."""

import csv
import io
import json
import re
import signal
import threading
import time
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from support.gateway import run
from support.identity_provider import CASEY, JANE
from support.journal import lines, metric, until
from support.operators import TOKEN
from support.portal import sealing_key
from support.postgres import Postgres
from support.visitor import FETCH

pytestmark = pytest.mark.timeout(120)

PAGE = {"upstream": "pages", "credential": "session", "require": "mfa"}
EXCEPTION = {"id": "EX-1", "owner": "it@example", "reason": "a scanner", "expires": "2099-01-01T00:00:00Z", "user": "scanner"}
ROUTES = [
    {"prefix": "/pages/", **PAGE}, {"prefix": "/v1/", "require": "mfa", "upstream": "pages"},
    {"prefix": "/trial/", "require": "mfa", "mode": "report", "upstream": "pages"},
    {"prefix": "/later/", "require": "mfa", "mode": "off", "upstream": "pages"},
    {"prefix": "/open/", "require": "authenticated", "upstream": "pages"},
    {"prefix": "/status", "require": "public", "upstream": "pages"},
]
DAYS = {"from": f"{datetime.now(UTC) - timedelta(days=1):%F}", "to": f"{datetime.now(UTC) + timedelta(days=1):%F}"}
OPERATOR = {"Authorization": f"Bearer {TOKEN}"}


def counting(start_portal, folder, names="omitted", **changes):
    """A gateway that counts, and logs every decision."""
    folder.mkdir(exist_ok=True)
    tokens = folder / "admin-tokens"
    tokens.write_text(f"{TOKEN}\n")
    portal = start_portal(
        folder, log={"decisions": "all", "decision_output": str(folder / "decisions.jsonl")}, routes=ROUTES,
        exceptions=[EXCEPTION], report={"names": names}, admin={"authentication": {"token_file": str(tokens)}}, **changes,
    )
    portal.decisions, portal.tokens = folder / "decisions.jsonl", tokens
    return portal


def call(portal, path: str, token: str | None, times: int = 1, expected: int = 200):
    visitor, headers = portal.visitor(), [*FETCH, *([("Authorization", f"Bearer {token}")] if token else [])]
    statuses = {visitor.send(portal.at(path), headers=headers).status for _ in range(times)}
    assert statuses == {expected}, (path, statuses)


def tokens_only(portal, provider, rounds: int = 1):
    """19 requests of users through the API in each round, 8 of them with MFA, and two of an application."""
    for _ in range(rounds):
        call(portal, "/v1/a", provider.jane(), 6)
        call(portal, "/v1/a", provider.john(), 3, 401)
        call(portal, "/v1/a", provider.john(sub="scanner"), 2)
        call(portal, "/trial/a", provider.john(), 4)
        call(portal, "/later/a", provider.john(), 2)
        call(portal, "/later/a", provider.jane(), 2)
        call(portal, "/v1/a", provider.daemon(), 2)
        call(portal, "/v1/a", None, 3, 401)
        call(portal, "/v1/a", "e30.e30.e30", 3, 401)
        call(portal, "/open/a", provider.john(), 3)
        call(portal, "/status", None, 3)


API = {"requests": 19, "withMfa": 8, "percent": 42, "refused": 3, "exempt": 2, "reportOnly": 4, "off": 2}
PORTAL = {"requests": 5, "withMfa": 4, "percent": 80, "refused": 1, "exempt": 0, "reportOnly": 0, "off": 0}


def people(portal, provider):
    """Jane's page after her sign-in and three more; Casey's one, which is refused."""
    provider.person = dict(JANE)
    jane = portal.signed_in("/pages/start")
    for _ in range(3):
        assert jane.fetch(portal.at("/pages/a")).status == 200
    provider.person = dict(CASEY)
    assert portal.visitor().open(portal.at("/pages/a")).status == 403


def ask(portal, path: str, **query) -> httpx.Response:
    response = httpx.get(f"{portal.admin_url}{path}", params={**DAYS, **query}, headers=OPERATOR, trust_env=False, timeout=20)
    return response.raise_for_status()


def download(portal, of: str) -> list[dict]:
    response = ask(portal, "/report.csv", of=of)
    assert response.headers["content-disposition"] == f'attachment; filename="{of}.csv"'
    assert response.headers["content-type"] == "text/csv; charset=utf-8"
    return list(csv.DictReader(io.StringIO(response.text)))


def of_logs(portals, *arguments: str):
    logs = [argument for portal in portals for argument in ("--log", str(portal.decisions))]
    told = run("report", *logs, "--from", DAYS["from"], "--to", DAYS["to"], *arguments)
    assert told.returncode == 0, told
    return told.stdout


def expected_lines(portals, count: int):
    """Waits for the logs, which threads of their own write, to have so many decisions that count."""
    def judged():
        found = [line for portal in portals for line in lines(portal.decisions)]
        return sum(line["requirement"] == "mfa" and line["class"] is not None for line in found)
    until(lambda: judged() >= count)
    assert judged() == count


def assert_equal(asked, portals):
    """The store's figures, as this replica tells them, are those of all logs; so are the downloads."""
    logged, stored = json.loads(of_logs(portals, "--json")), ask(asked, "/report").json()
    incomplete = logged.pop("incomplete")
    assert incomplete["malformed"] == 0 and incomplete["lost"] == 0
    for report in (logged, stored):
        report["withoutMfa"] = sorted(({**user, "name": ""} for user in report["withoutMfa"]), key=str)
    assert stored == logged
    for of in ("portal", "applications", "customers", "requests"):
        rows = list(csv.DictReader(io.StringIO(of_logs(portals, "--csv", of))))
        known, own = (sorted(({**row, "name": ""} for row in found), key=str) for found in (rows, download(asked, of)))
        assert known == own, of
    return stored


def test_the_figures_of_a_gateway_are_those_of_its_traffic_and_its_log(start_portal, tmp_path, provider):
    portal = counting(start_portal, tmp_path / "one", names="stored")
    nothing = ask(portal, "/report").json()
    assert nothing["api"]["percent"] is None and nothing["portal"]["percent"] is None and nothing["days"] == []
    tokens_only(portal, provider)
    people(portal, provider)
    expected_lines([portal], 26)
    report = assert_equal(portal, [portal])
    assert (report["api"], report["portal"], report["appOnly"]) == (API, PORTAL, 2)
    assert report["exceptions"] == [{"exception": "EX-1", "requests": 2}]
    last = {(user["user"], user["credential"]): user for user in ask(portal, "/report").json()["withoutMfa"]}
    assert last["scanner", "bearer"]["requests"] == 2 and last["john-2b9e", "bearer"]["requests"] == 9
    assert last["john-2b9e", "bearer"]["name"] == "john@fabrikam.example"
    # Each number leads to what is behind it.
    route = ask(portal, "/report", route="/trial/").json()
    assert route["api"]["requests"] == 4 and [group["name"] for group in route["routes"]] == ["/trial/"]
    (john,) = ask(portal, "/report", user="john-2b9e").json()["days"]
    assert john["api"]["requests"] == 9 and john["api"]["percent"] == 0
    behind = ask(portal, "/report/requests", user="john-2b9e").json()["requests"]
    assert len(behind) == 9 and {one["operation"] for one in behind} == {"GET /v1/", "GET /trial/", "GET /later/"}
    decisions = metric(portal, "mfa_gateway_report_decisions_total", credential="bearer")
    assert decisions == 21 and metric(portal, "mfa_gateway_report_unflushed_decisions") == 0


def test_a_command_asks_the_gateway_and_has_a_person_forgotten(start_portal, tmp_path, provider):
    portal = counting(start_portal, tmp_path / "one", names="hashed")
    tokens_only(portal, provider)
    given = ("--config", str(portal.config_file), "--operator-token-file", str(portal.tokens))
    told = run("report", *given)
    assert told.returncode == 0 and re.search(r"through the API +42 % ", told.stdout) and "EX-1" in told.stdout, told
    # Nobody knows anybody by a hash.
    assert "john-2b9e" in told.stdout and "#" not in told.stdout
    document = json.loads(run("report", *given, "--json", "--from", DAYS["from"], "--to", DAYS["to"]).stdout)
    document.pop("incomplete")
    assert document == ask(portal, "/report").json()
    names = {user["name"] for user in document["withoutMfa"]}
    assert all(name.startswith("#") for name in names) and "fabrikam" not in json.dumps(document)
    rows = list(csv.DictReader(io.StringIO(run("report", *given, "--csv", "requests").stdout)))
    assert len(rows) == 19 and {row["mfaCompliant"] for row in rows} == {"true", "false"}
    assert "no data" in run("report", *given, "--tenant", "none").stdout
    # John's last requests aren't flushed when he is forgotten.
    call(portal, "/trial/a", provider.john())
    gone = run("report", "forget", "john-2b9e", "--issuer", "idp", *given)
    assert gone.returncode == 0 and gone.stdout.endswith(" records deleted\n") and int(gone.stdout.split()[0]) >= 10, gone
    left = ask(portal, "/report").json()
    assert [user["user"] for user in left["withoutMfa"]] == ["scanner"] and left["api"]["requests"] == 20
    assert {one["user"] for one in ask(portal, "/report/requests").json()["requests"]} == {"jane-7f1c", "scanner"}
    assert "john" not in json.dumps(left)
    refused = httpx.get(f"{portal.admin_url}/report", trust_env=False)
    assert refused.status_code == 401
    unknown = httpx.get(f"{portal.admin_url}/report?days=7", headers=OPERATOR, trust_env=False)
    assert unknown.status_code == 400


def test_a_drain_loses_nothing_and_a_gateway_without_a_report_says_so(start_portal, tmp_path, provider):
    portal = counting(start_portal, tmp_path / "one")
    tokens_only(portal, provider)
    expected_lines([portal], 21)
    portal.stop()
    assert portal.process.returncode == 0
    again = counting(start_portal, tmp_path / "one")
    assert assert_equal(again, [again])["api"] == API
    none = start_portal(tmp_path / "none", admin={"authentication": {"token_file": str(again.tokens)}})
    response = httpx.get(f"{none.admin_url}/report", headers=OPERATOR, trust_env=False)
    assert response.status_code == 404 and "no_report" in response.text


@pytest.fixture
def postgres():
    postgres = Postgres()
    yield postgres
    postgres.close()


@pytest.mark.slow
def test_the_figures_of_two_replicas_are_exact_whatever_dies(start_portal, tmp_path, provider, postgres):
    keys, store = [sealing_key(tmp_path)], {**postgres.settings, "outage": "10m"}
    first = counting(start_portal, tmp_path / "first", keys=keys, store=store)
    second = counting(start_portal, tmp_path / "second", keys=keys, store=store, public_port=first.tls_port)
    second.public_url = f"https://localhost:{second.tls_port}"
    both, count = [first, second], 0
    tokens_only(first, provider)
    tokens_only(second, provider, 2)
    people(first, provider)
    count += 3 * 21 + 5
    expected_lines(both, count)
    ask(second, "/report")
    report = assert_equal(first, both)
    assert report["api"]["requests"] == 57 and report["portal"] == PORTAL
    # The database dies under the traffic, and while a flush is under way.
    stop = threading.Event()

    def traffic(portal, sent: list):
        while not stop.is_set():
            call(portal, "/v1/a", provider.jane())
            call(portal, "/trial/a", provider.john())
            sent.append(2)

    sent: list = []
    threads = [threading.Thread(target=traffic, args=(portal, sent)) for portal in both]
    for thread in threads:
        thread.start()
    time.sleep(1)
    for _ in range(2):
        asking = threading.Thread(target=lambda: httpx.get(f"{first.admin_url}/report", headers=OPERATOR, trust_env=False, timeout=20))
        asking.start()
        postgres.kill()
        time.sleep(1)
        assert httpx.get(f"{first.admin_url}/report", headers=OPERATOR, trust_env=False, timeout=20).status_code == 503
        postgres.start()
        asking.join()
        time.sleep(1)
    stop.set()
    for thread in threads:
        thread.join()
    count += sum(sent)
    expected_lines(both, count)
    until(lambda: is_flushed(first) and is_flushed(second), within=30)
    assert_equal(second, both)
    # One is killed: what it has flushed stays.
    tokens_only(second, provider)
    count += 21
    expected_lines(both, count)
    ask(second, "/report")
    second.process.send_signal(signal.SIGKILL)
    second.process.wait(5)
    second.process.returncode = 0
    tokens_only(first, provider)
    expected_lines(both, count + 21)
    report = assert_equal(first, both)
    assert metric(first, "mfa_gateway_report_flush_failures_total") > 0
    assert report["api"]["requests"] == 57 + sum(sent) + 38


def is_flushed(portal) -> bool:
    """Asks for the report, which flushes first, and looks whether anything is left."""
    response = httpx.get(f"{portal.admin_url}/report", headers=OPERATOR, trust_env=False, timeout=20)
    return response.status_code == 200 and metric(portal, "mfa_gateway_report_unflushed_decisions") == 0
