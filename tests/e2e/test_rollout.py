"""A scripted day of activation: reported, rehearsed, enforced by 10 and 50 %, and by a date. Each step shows in the
answers, the metrics and both logs, and all of them count the same."""

import json
import signal
import time
from datetime import datetime, timedelta, timezone

import pytest
import yaml

from support.gateway import run
from support.http1 import call
from support.journal import VALIDATORS, lines, metric, until

APPLICATIONS = [f"app-{at}" for at in range(20)]


class Day:
    """A gateway through the day, and the counts of each step."""

    def __init__(self, gateway, folder, issuer):
        self.gateway, self.decisions, self.accesses = gateway, folder / "decisions.jsonl", folder / "access.jsonl"
        # Every application has a user with MFA and one without; the tokens are the same all day.
        self.callers = [(app, person(client_id=app)) for app in APPLICATIONS for person in (issuer.jane, issuer.john)]
        self.before = self.counts()

    def counts(self) -> dict:
        name = "mfa_gateway_requests_total"
        return {
            "requests": metric(self.gateway, name),
            "refused": metric(self.gateway, name, result="refused", reason="mfa_missing"),
            "would deny": metric(self.gateway, "mfa_gateway_would_deny_total", reason="mfa_missing"),
            "decisions": len(lines(self.decisions)),
            "accesses": len(lines(self.accesses)),
        }

    def written(self, **route) -> None:
        """The configuration of the next step."""
        document = yaml.safe_load(self.gateway.config_file.read_text())
        document["routes"] = [{"prefix": "/v1/", "upstream": "partner-api", **route}]
        self.gateway.config_file.write_text(yaml.safe_dump(document))

    def reload(self) -> None:
        reloads = metric(self.gateway, "mfa_gateway_config_reloads_total")
        self.gateway.process.send_signal(signal.SIGHUP)
        until(lambda: metric(self.gateway, "mfa_gateway_config_reloads_total") > reloads)

    def step(self) -> set[str]:
        """Everybody calls once. The applications that were refused; checked are the counts, and that they fit."""
        began = time.monotonic()
        answers = [(app, call(self.gateway.port, "/v1/customers", token)) for app, token in self.callers]
        expected = self.before["requests"] + len(answers)
        for count in ("requests", "decisions", "accesses"):
            until(lambda: self.counts()[count] >= expected)
        now = self.counts()
        passed = {name: now[name] - self.before[name] for name in now}
        refused = {app for app, answer in answers if answer.status == 401}
        headers = [answer.fields.all("MFA-Report") for _, answer in answers]
        assert passed == {
            "requests": len(answers), "decisions": len(answers), "accesses": len(answers),
            "refused": len(refused), "would deny": headers.count(["would=deny, reason=mfa_missing"]),
        }
        assert passed["refused"] + passed["would deny"] == len(APPLICATIONS)
        decided = lines(self.decisions)[-len(answers):]
        assert {line["application"] for line in decided if line["decision"] == "deny"} == refused
        assert [line["grounds"] for line in decided].count("report_only") == passed["would deny"]
        answered = lines(self.accesses)[-len(answers):]
        assert [line["status"] for line in answered].count(401) == len(refused)
        assert {line["request_id"] for line in decided} == {line["request_id"] for line in answered}
        self.before, self.took = now, time.monotonic() - began
        return refused

    def rehearsed(self, *arguments: str) -> set[str]:
        """Whom the configuration that was written would newly refuse of those who called first."""
        first = "".join(self.decisions.read_text().splitlines(keepends=True)[:len(self.callers)])
        ran = run("replay", "--config", str(self.gateway.config_file), "--log", "-", "--json", *arguments, stdin=first)
        report = json.loads(ran.stdout)
        assert (ran.returncode, report["undetermined"]) == (int(report["newlyRefused"]["count"] > 0), {})
        return {group["application"] for group in report["newlyRefused"]["groups"]}


@pytest.mark.timeout(90)
def test_a_day_of_activation_adds_up_at_every_step(start_gateway, issuer, backend, tmp_path):
    gateway = start_gateway(
        upstreams=[{"name": "partner-api", "endpoints": [backend.url]}],
        routes=[{"prefix": "/v1/", "upstream": "partner-api", "mode": "report"}],
        log={"decisions": "all", "decision_output": str(tmp_path / "decisions.jsonl"),
             "access_output": str(tmp_path / "access.jsonl")},
    )
    day = Day(gateway, tmp_path, issuer)
    assert day.step() == set()

    refused_before = set()
    for percentage in (10, 50):
        day.written(percentage=percentage)
        rehearsed = day.rehearsed()
        day.reload()
        refused = day.step()
        assert refused == rehearsed
        assert refused_before <= refused < set(APPLICATIONS)
        refused_before = refused
    assert refused_before

    date = datetime.now(timezone.utc) + timedelta(seconds=1 + 3 * day.took)
    written = date.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    day.written(enforce_from=written)
    assert day.rehearsed() == set()
    assert day.rehearsed("--at", written) == set(APPLICATIONS)
    day.reload()
    assert day.step() == set()
    until(lambda: datetime.now(timezone.utc) >= date)
    time.sleep(0.01)
    assert day.step() == set(APPLICATIONS)

    for line in lines(day.decisions):
        VALIDATORS["decision"].validate(line)
    for line in lines(day.accesses):
        VALIDATORS["access"].validate(line)
