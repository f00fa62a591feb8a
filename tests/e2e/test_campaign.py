"""A whole campaign, from report mode to enforcement, as docs/campaign.md leads through it: on SQLite, and on Postgres with two
replicas whose database dies in the middle. Every account of it (the report, the downloads, Partner Center's calls, the log)
has the figures of the traffic that was sent.
"""

import csv
import io
import json
import time

import httpx
import pytest
import yaml

from support.exceptions import APPROVER, REQUESTER, ROLES, Person, at, form
from support.gateway import run
from support.journal import lines, metric, until
from support.operators import ADMIN_AUDIENCE, TOKEN, operated
from support.partner_center import PartnerCenter
from support.postgres import Postgres

pytestmark = pytest.mark.timeout(180)

OPERATOR = {"Authorization": f"Bearer {TOKEN}"}
SCANNER = {"sub": "scanner-9z", "name": "Scanner", "scp": "user_impersonation", "amr": ["pwd"]}


class Campaign:
    """The replicas of a gateway, the traffic that was sent to them, and what everything says of it."""

    def __init__(self, folder, issuer, backend, names, **store):
        self.issuer, self.sent, self.served = issuer, {}, 0
        self.replicas = [self._start(folder / name, backend, store) for name in names]
        self.tokens = {
            "jane": issuer.jane(), "john": issuer.john(), "scanner": issuer.token(SCANNER), "daemon": issuer.daemon(),
        }

    def _start(self, folder, backend, store):
        folder.mkdir()
        if "store" not in store:
            (folder / "state").mkdir(mode=0o700)
            store = {"state": {"directory": str(folder / "state")}, "store": {"timeout": "10s"}}
        gateway = operated(
            folder, self.issuer, backend, users=["operator-1"], roles=ROLES, report={},
            exception_requests={"request": ["global-admin"], "approve": ["security"]},
            log={"decisions": "all", "decision_output": str(folder / "decisions.jsonl")},
            routes=[
                {"prefix": "/v1/", "upstream": "api", "require": "mfa", "mode": "report"},
                {"prefix": "/partner/", "serve": "status_report", "require": "mfa", "app_only": "deny",
                 "roles": ["global-admin"]},
            ],
            **store,
        )
        gateway.decisions = folder / "decisions.jsonl"
        return gateway

    def enforce(self):
        """Removes report mode from the configuration of every replica, and reloads it."""
        for gateway in self.replicas:
            config = yaml.safe_load(gateway.config_file.read_text())
            config["routes"][0].pop("mode")
            gateway.config_file.write_text(yaml.safe_dump(config, sort_keys=False))
            httpx.post(f"{gateway.admin_url}/reload", headers=OPERATOR, trust_env=False).raise_for_status()

    def call(self, who: str, times: int, expected: int, outcome: str):
        """Calls at the replicas in turn. `outcome` is what the report is to make of it."""
        for number in range(times):
            gateway = self.replicas[number % len(self.replicas)]
            headers = {"Authorization": f"Bearer {self.tokens[who]}"}
            response = httpx.get(f"{gateway.url}/v1/customers", headers=headers, trust_env=False)
            assert response.status_code == expected, (who, response.text)
        self.sent[outcome] = self.sent.get(outcome, 0) + times

    def report(self, gateway=None, **query) -> dict:
        response = httpx.get(f"{(gateway or self.replicas[0]).admin_url}/report", params=query, headers=OPERATOR,
                             trust_env=False, timeout=20)
        return response.raise_for_status().json()

    def settle(self):
        """Waits until every replica has added what it counted."""
        def is_flushed(gateway):
            response = httpx.get(f"{gateway.admin_url}/report", headers=OPERATOR, trust_env=False, timeout=20)
            return response.status_code == 200 and metric(gateway, "mfa_gateway_report_unflushed_decisions") == 0
        until(lambda: all(is_flushed(gateway) for gateway in self.replicas), within=30)

    def client(self) -> PartnerCenter:
        """Partner Center's client, of a global administrator with MFA: its own calls count as any other."""
        token = self.issuer.jane(sub=REQUESTER, groups=["admins"])
        return PartnerCenter(self.replicas[-1].port, "/partner", token)

    def assert_told(self):
        """What everything tells of the campaign so far."""
        self.settle()
        expected = {name: self.sent.get(name, 0) for name in ("withMfa", "refused", "exempt", "reportOnly")}
        expected["withMfa"] += self.served
        total = sum(expected.values())
        share = {"requests": total, **expected, "percent": expected["withMfa"] * 100 // total, "off": 0}
        reports = [self.report(gateway) for gateway in self.replicas]
        assert all(report["api"] == share for report in reports), (share, [report["api"] for report in reports])
        assert reports[0]["appOnly"] == self.sent.get("appOnly", 0)
        assert reports[0]["portal"]["percent"] is None, "no data is no share"
        self._assert_log(reports[0], total)
        self._assert_downloads(reports[0])
        self._assert_twins(expected, total)

    def _assert_log(self, report: dict, total: int):
        logs = [gateway.decisions for gateway in self.replicas]
        until(lambda: sum(line["class"] == "app_user" for log in logs for line in lines(log)) >= total)
        told = run("report", *(argument for log in logs for argument in ("--log", str(log))), "--json")
        assert told.returncode == 0, told
        logged = json.loads(told.stdout)
        assert (logged["api"], logged["appOnly"]) == (report["api"], report["appOnly"])
        users = [sorted((user["user"], user["requests"]) for user in one["withoutMfa"]) for one in (logged, report)]
        assert users[0] == users[1]

    def _assert_downloads(self, report: dict):
        def rows(of: str) -> list[dict]:
            response = httpx.get(f"{self.replicas[0].admin_url}/report.csv", params={"of": of}, headers=OPERATOR, trust_env=False)
            return list(csv.DictReader(io.StringIO(response.raise_for_status().text)))
        applications, requests = rows("applications"), rows("requests")
        for name, column in (("requests", "requests"), ("withMfa", "withMfa"), ("exempt", "exempt"), ("refused", "refused")):
            assert sum(int(row[column]) for row in applications) == report["api"][name], name
        assert len(requests) == report["api"]["requests"]
        assert [row["mfaCompliant"] for row in requests].count("true") == report["api"]["withMfa"]

    def _assert_twins(self, expected: dict, total: int):
        client = self.client()
        adoption = client.adoption()
        assert sum(one.totalRequestCount for one in adoption) in (total, total + 1)
        self.served += 1
        assert len(client.requests()) in (total + 1, total + 2)
        self.served += 1
        principals = {one.objectId for one in client.principals()}
        self.served += 1
        assert principals == {"john-2b9e", SCANNER["sub"]}
        assert sum(expected.values()) == total


def decide(campaign: Campaign, kill=lambda: None) -> str:
    """Somebody asks for an exception for the scanner, and another one grants it; `kill` happens in between."""
    first, last = campaign.replicas[0], campaign.replicas[-1]
    requester, approver = Person(campaign.issuer, first, REQUESTER), Person(campaign.issuer, last, APPROVER)
    asked = requester.post(**form(user=SCANNER["sub"], ends=at(days=7)))
    assert asked.status_code == 200, asked.text
    id = asked.json()["exception"]["id"]
    assert requester.step(id, "approve").status_code == 403, "nobody grants an own request"
    kill()
    until(lambda: approver.get(f"/{id}").status_code == 200, within=30)
    assert approver.state(id) == "requested", "what was acknowledged is there"
    approved = approver.step(id, "approve", reason="the vendor delivers in January")
    assert approved.status_code == 200, approved.text
    return id


def run_campaign(campaign: Campaign, kill=lambda: None):
    # The first week: nobody is refused, and everybody sees who would be.
    campaign.call("jane", 4, 200, "withMfa")
    campaign.call("john", 3, 200, "reportOnly")
    campaign.call("scanner", 2, 200, "reportOnly")
    campaign.call("daemon", 2, 200, "appOnly")
    campaign.assert_told()
    first = campaign.report()["api"]
    assert first["reportOnly"] + first["off"] == 5 == sum(user["requests"] for user in campaign.report()["withoutMfa"])
    # The second: one program can't do MFA. What is no ground is answered at once.
    requester = Person(campaign.issuer, campaign.replicas[0], REQUESTER)
    refused = requester.post(**form(ground="more_time", software=None, purchaseOrder=None))
    assert refused.status_code in (409, 422) and "plan" in refused.text.lower(), refused.text
    id = decide(campaign, kill)
    until(lambda: all(is_exempt(campaign, gateway) for gateway in campaign.replicas), within=10)
    # The third: enforcement. John does MFA from now on, or is refused.
    campaign.enforce()
    campaign.call("jane", 2, 200, "withMfa")
    campaign.call("john", 2, 401, "refused")
    campaign.call("scanner", 4, 200, "exempt")
    campaign.assert_told()
    assert {one["exception"]: one["requests"] for one in campaign.report()["exceptions"]}[id] == campaign.sent["exempt"]
    # The fourth: the program can do MFA, so the exception ends early, on every replica.
    approver = Person(campaign.issuer, campaign.replicas[0], APPROVER)
    assert approver.step(id, "revoke", reason="the new version does MFA").status_code == 200
    revoked = time.monotonic()
    until(lambda: not any(is_exempt(campaign, gateway) for gateway in campaign.replicas), within=10)
    assert time.monotonic() - revoked < 5
    campaign.call("scanner", 2, 401, "refused")
    campaign.assert_told()
    steps = approver.get(f"/{id}").json()["steps"]
    assert [step["step"] for step in steps] == ["requested", "approved", "revoked"]
    assert steps[2]["reason"] == "the new version does MFA"


def is_exempt(campaign: Campaign, gateway) -> bool:
    """By the gateway's own explanation, which counts as no request."""
    question = {"token": campaign.tokens["scanner"], "path": "/v1/customers"}
    answer = httpx.post(f"{gateway.admin_url}/explain", json=question, headers=OPERATOR, trust_env=False)
    return answer.raise_for_status().json()["reason"] == "exempt"


def test_a_campaign_on_sqlite(tmp_path, issuer, backend):
    campaign = Campaign(tmp_path, issuer, backend, ["one"])
    try:
        run_campaign(campaign)
    finally:
        for gateway in campaign.replicas:
            gateway.stop()


def test_a_campaign_on_postgres_whose_database_dies_in_the_middle(tmp_path, issuer, backend):
    postgres = Postgres()
    campaign = Campaign(tmp_path, issuer, backend, ["one", "two"], store={**postgres.settings, "outage": "10m"})

    def kill():
        postgres.kill()
        # Traffic goes on, and is counted.
        campaign.call("jane", 4, 200, "withMfa")
        campaign.call("john", 2, 200, "reportOnly")
        postgres.start()

    try:
        run_campaign(campaign, kill)
    finally:
        for gateway in campaign.replicas:
            gateway.stop()
        postgres.close()
