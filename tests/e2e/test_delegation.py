"""Acting on behalf of customers: a customer's path opens with that customer's token, by a delegation, and with nothing else."""

import csv
import io
import json
from datetime import UTC, datetime, timedelta

import pytest
import yaml

from support.gateway import run
from support.http1 import call
from support.journal import VALIDATORS, lines, metric, until
from support.operators import TOKEN, shown

PARTNER, RIVAL = "df845f1a-7b35-40a2-ba78-6481de91f8ae", "b41e72f8-2c93-4d67-a5b8-91c3d7e04f25"
CONTOSO, FABRIKAM = "1a111111-1111-4111-8111-11111111111c", "2a222222-2222-4222-8222-22222222222c"
LAPSED, STRANGER = "3a333333-3333-4333-8333-33333333333c", "4a444444-4444-4444-8444-44444444444c"
AGENTS, SALES = "8d1c6f0e-3b52-4a97-a4d8-5e7f20c9b613", "0f1d2c3b-4a59-4687-9778-695a4b3c2d1e"
UPSTREAM = {"upstream": "partner-api"}


def at(days: float) -> str:
    return (datetime.now(UTC) + timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%SZ")


def delegation(customer: str, roles: list[str], since: float = -10, until: float = 100) -> dict:
    return {"partner": PARTNER, "customer": customer, "roles": roles, "from": at(since), "until": at(until)}


@pytest.fixture
def partner(start_gateway, issuer, backend, tmp_path):
    """A gateway of a partner with three delegations, and a route of every kind."""
    entra = {"name": "entra", "entra": {"tenants": "any"}, "jwks_uri": f"{issuer.url}keys", "audiences": ["api://partner"]}
    tokens, state = tmp_path / "admin-tokens", tmp_path / "state"
    tokens.write_text(f"{TOKEN}\n")
    tokens.chmod(0o600)
    state.mkdir(mode=0o700)
    gateway = start_gateway(
        admin={"authentication": {"token_file": str(tokens)}}, report={}, state={"directory": str(state)},
        issuers=[entra],
        roles=[{"name": "Admin agent", "any": [{"claim": "groups", "contains": AGENTS}]},
               {"name": "Sales agent", "any": [{"claim": "groups", "contains": SALES}]}],
        delegations=[delegation(CONTOSO, ["Admin agent"]), delegation(FABRIKAM, ["Sales agent"]),
                     delegation(LAPSED, ["Admin agent"], -20, -1)],
        upstreams=[{"name": "partner-api", "endpoints": [backend.url]}],
        routes=[{"prefix": "/v1/", **UPSTREAM},
                {"prefix": "/v1/customers/{customer}/", "context": "customer", **UPSTREAM},
                {"prefix": "/v1/customers/{customer}/users/", "context": "customer", "roles": ["Admin agent"], **UPSTREAM},
                {"path": "/v1/customers/search", "context": "partner", **UPSTREAM}],
        log={"decisions": "all", "decision_output": str(tmp_path / "decisions.jsonl")},
    )
    gateway.decisions = tmp_path / "decisions.jsonl"
    return gateway


@pytest.fixture
def token(issuer):
    """Tokens of a user of the partner, signed in to a tenant with MFA."""

    def mint(tenant: str, home: str = PARTNER, **claims) -> str:
        idp = {} if home == tenant else {"idp": f"https://sts.windows.net/{home}/"}
        iss = f"https://login.microsoftonline.com/{tenant}/v2.0"
        person = {"oid": "o-1", "sub": "s-1", "azp": "partner-portal", "scp": "user_impersonation", "amr": ["pwd", "mfa"]}
        return issuer.token({**person, "iss": iss, "tid": tenant, "ver": "2.0", **idp, **claims}, drop=("client_id",))

    return mint


def outcome(gateway, path: str, sent: str) -> tuple[int, str]:
    response = call(gateway.port, path, sent)
    return response.status, json.loads(response.body)["reason"] if response.status != 200 else ""


def test_a_customers_token_opens_that_customers_path_and_no_other(partner, token, backend):
    own = token(CONTOSO)
    assert outcome(partner, f"/v1/customers/{CONTOSO}/orders", own) == (200, "")
    assert backend.requests[-1].target == f"/v1/customers/{CONTOSO}/orders"
    backend.forget()
    for other in (FABRIKAM, LAPSED, STRANGER, PARTNER):
        assert outcome(partner, f"/v1/customers/{other}/orders", own) == (403, "wrong_context")
    assert backend.saw_nothing


@pytest.mark.parametrize(("tenant", "home", "customer", "reason"), [
    (PARTNER, PARTNER, CONTOSO, "wrong_context"),
    (CONTOSO, RIVAL, CONTOSO, "no_delegation"),
    (CONTOSO, CONTOSO, CONTOSO, "no_delegation"),
    (STRANGER, PARTNER, STRANGER, "no_delegation"),
    (LAPSED, PARTNER, LAPSED, "delegation_ended"),
])
def test_who_has_no_delegation_or_another_context_is_told_so(partner, token, backend, tenant, home, customer, reason):
    response = call(partner.port, f"/v1/customers/{customer}/orders", token(tenant, home))
    body = json.loads(response.body)
    assert (response.status, body["reason"]) == (403, reason)
    assert body["expected"] == {"context": "customer", "tenant": customer}
    assert (body["seen"]["tenant"], body["seen"]["home_tenant"]) == (tenant, home)
    assert backend.saw_nothing


def test_mfa_is_judged_in_the_customers_context(partner, token, backend):
    assert outcome(partner, "/v1/customers/search", token(PARTNER)) == (200, "")
    backend.forget()
    assert outcome(partner, f"/v1/customers/{CONTOSO}/orders", token(CONTOSO, amr=["pwd"])) == (401, "mfa_missing")
    assert backend.saw_nothing


def test_a_role_counts_where_the_customer_delegated_it(partner, token):
    for customer, groups, expected in [
        (CONTOSO, [AGENTS], (200, "")), (CONTOSO, [SALES], (403, "role_missing")), (FABRIKAM, [AGENTS], (403, "role_not_delegated")),
    ]:
        assert outcome(partner, f"/v1/customers/{customer}/users/a", token(customer, groups=groups)) == expected


SPELLINGS = [
    "/v1/customers/{own}/../{other}/x", "/v1/customers/{own}/%2e%2e/{other}/x", "/v1/customers/{own}/..%2f{other}/x",
    "/v1/customers/{own}%2f..%2f{other}/x", "/v1/customers/{own}/..;/{other}/x", "/v1/customers/{own};{other}/x",
    "/v1/customers//{other}/x", "/v1//customers/{other}/x", "/v1/customers/./{other}/x", "/v1/customers/{other}%20/x",
    "/v1/customers/%{hex}/x", "/v1/Customers/{other}/x", "/v1/%63ustomers/{other}/x", "/V1/customers/{other}/x",
    "/v1/customers%2f{other}/x", "/v1/customers/{other}:x/y", "/v1/customers/{own}%5c..%5c{other}/x", "/v1/customers/{other}",
    "/v1/customers/{other}/", "/v1/customers/{other}%00/x", "/v1/customers/{upper}/x", "/v1/customers/fabrikam.example/x",
]


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_no_spelling_of_a_path_reaches_another_customers_data(partner, token, backend, spelling):
    path = spelling.format(own=CONTOSO, other=FABRIKAM, upper=FABRIKAM.upper(), hex=f"{ord(FABRIKAM[0]):x}{FABRIKAM[1:]}")
    response = call(partner.port, path, token(CONTOSO))
    assert response.status in (400, 403, 404), response.status
    assert backend.saw_nothing


def test_who_acts_for_nobody_notices_nothing(partner, token):
    for tenant, home in [(PARTNER, PARTNER), (STRANGER, STRANGER), (STRANGER, RIVAL)]:
        assert outcome(partner, "/v1/profile", token(tenant, home)) == (200, "")


def test_the_report_tells_customers_and_partners_apart_and_no_made_up_ones(partner, token):
    for tenant, home, path, claims in [
        (CONTOSO, PARTNER, CONTOSO, {}), (CONTOSO, PARTNER, CONTOSO, {"amr": ["pwd"]}), (CONTOSO, RIVAL, CONTOSO, {}),
        (PARTNER, PARTNER, CONTOSO, {}), (PARTNER, PARTNER, STRANGER, {}), (STRANGER, PARTNER, STRANGER, {}),
        *((RIVAL, RIVAL, f"5a555555-5555-4555-8555-55555555555{at}", {}) for at in range(8)),
    ]:
        call(partner.port, f"/v1/customers/{path}/orders", token(tenant, home, **claims))
    call(partner.port, f"/v1/customers/{CONTOSO}/orders", "e30.e30.e30")
    call(partner.port, "/v1/profile", token(PARTNER))
    report = shown(partner, "/report")
    found = {(of["customer"], of["partner"]): (of["share"]["requests"], of["share"]["withMfa"], of["share"]["refused"],
                                               of["refusedByContext"]) for of in report["customers"]}
    assert found == {
        (CONTOSO, PARTNER): (3, 2, 1, 1), (CONTOSO, RIVAL): (1, 1, 0, 1), (STRANGER, PARTNER): (1, 1, 0, 1),
    }
    assert report["isCut"] is False and report["api"]["requests"] == 15
    until(lambda: len(lines(partner.decisions)) == 16)
    for line in lines(partner.decisions):
        VALIDATORS["decision"].validate(line)
        assert line.get("customer_delegates", False) == (line.get("customer") == CONTOSO)
    logged = json.loads(run("report", "--log", str(partner.decisions), "--json").stdout)
    assert logged["customers"] == report["customers"]
    rows = csv.DictReader(io.StringIO(run("report", "--log", str(partner.decisions), "--csv", "customers").stdout))
    assert {(row["customer"], row["partner"]) for row in rows} == set(found)
    assert f"{CONTOSO}  {RIVAL}  100 %" in run("report", "--log", str(partner.decisions)).stdout
    assert [of["partner"] for of in shown(partner, f"/report?tenant={STRANGER}")["customers"]] == [PARTNER]
    assert shown(partner, "/report?application=partner-portal")["customers"] == []


def test_the_journal_names_customer_and_home_and_replay_decides_by_them_again(partner, token, tmp_path):
    call(partner.port, f"/v1/customers/{CONTOSO}/a", token(CONTOSO))
    call(partner.port, f"/v1/customers/{FABRIKAM}/a", token(CONTOSO))
    call(partner.port, "/v1/profile", token(PARTNER))
    until(lambda: len(lines(partner.decisions)) == 3)
    first, second, third = lines(partner.decisions)
    for line in (first, second, third):
        VALIDATORS["decision"].validate(line)
    assert (first["route"], first["customer"], first["home_tenant"]) == ("/v1/customers/{customer}/", CONTOSO, PARTNER)
    assert (second["customer"], second["reason"], third["home_tenant"]) == (FABRIKAM, "wrong_context", PARTNER)
    assert "customer" not in third
    assert metric(partner, "mfa_gateway_requests_total", route="/v1/customers/{customer}/", reason="wrong_context") == 1
    same = run("replay", "--config", str(partner.config_file), "--log", str(partner.decisions))
    assert same.returncode == 0, same.stdout + same.stderr
    document = yaml.safe_load(partner.config_file.read_text())
    document["delegations"] = [one for one in document["delegations"] if one["customer"] != CONTOSO]
    changed = tmp_path / "changed.yaml"
    changed.write_text(yaml.safe_dump(document))
    without = run("replay", "--config", str(changed), "--log", str(partner.decisions))
    assert "no_delegation" in without.stdout, without.stdout


def test_check_explains_what_a_context_lacks(partner, tmp_path):
    document = yaml.safe_load(partner.config_file.read_text())
    document["routes"][1]["prefix"] = "/v1/customers/"
    document["delegations"][0].update(customer="contoso.example", until=at(800))
    broken = tmp_path / "broken.yaml"
    broken.write_text(yaml.safe_dump(document))
    checked = run("check", "--config", str(broken))
    assert checked.returncode != 0
    for told in ("no parameter `{customer}`", "`contoso.example` is not a tenant id", "more than 730 days"):
        assert told in checked.stdout + checked.stderr, checked.stdout + checked.stderr
