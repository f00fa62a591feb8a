"""Refusals and `explain` show every claim that the issuer's rule reads, and advise of the issuer's own product."""

import json

import pytest
import yaml

from support.gateway import run
from support.http1 import call

RULE = {"any": [{"claim": "amr", "contains": "mfa"}, {"claim": "acr", "equals": "gold"},
                {"claim": ["realm_access", "roles"], "contains": "mfa-done"}]}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("evidence")


@pytest.fixture
def keycloak(start_gateway, issuer, backend):
    """An issuer that is known to be Keycloak, with a rule of three claims."""
    return start_gateway(
        issuers=[{**issuer.section[0], "mfa_evidence": RULE, "product": "keycloak"}],
        upstreams=[{"name": "partner-api", "endpoints": [backend.url]}],
        routes=[{"prefix": "/v1/", "upstream": "partner-api"},
                {"prefix": "/oauth/", "upstream": "partner-api", "dialect": "oauth"}],
    )


def explain(config, token, *flags, path="/v1/a"):
    return run("explain", "--config", str(config), "--path", path, *flags, stdin=token)


@pytest.mark.parametrize("path", ["/v1/a", "/oauth/a"])
def test_a_refusal_shows_every_claim_of_the_rule(keycloak, issuer, path):
    token = issuer.token({"sub": "john", "scp": "x", "acr": "1", "realm_access": {"roles": ["user"], "other": "secret"}})
    body = json.loads(call(keycloak.port, path, token).body)
    assert body["reason"] == "mfa_missing"
    assert body["expected"]["mfa"] == "amr contains mfa or acr equals gold or realm_access.roles contains mfa-done"
    seen = {name: body["seen"][name] for name in ("acr", "amr", "realm_access.roles")}
    assert seen == {"acr": "1", "amr": None, "realm_access.roles": ["user"]}
    assert "acr" in body["description"] and "amr is absent" in body["description"]
    assert "secret" not in json.dumps(body) and "usually amr" not in json.dumps(body)
    assert "protocol mapper" in body["remedy"] and "realm" in body["remedy"]
    assert not any(word in json.dumps(body) for word in ("Conditional Access", "security defaults", "Entra"))


def test_values_are_bounded_and_escaped(keycloak, issuer):
    odd = "\"</script>\r\nX: \x1b[31m" + "x" * 1000
    token = issuer.token({"sub": "john", "scp": "x", "acr": odd, "realm_access": {"roles": [odd] * 5 + ["g"] * 40}})
    response = call(keycloak.port, "/v1/a", token)
    body = json.loads(response.body)
    assert len(body["seen"]["acr"]) <= 65 and body["seen"]["acr"].startswith(odd[:20])
    assert len(response.body) < 4000
    assert "X" not in response.fields and b"\x1b" not in response.body


@pytest.mark.parametrize("value, shown", [
    ({"secret": 1}, "an object"), (["mfa", 1], "not an array of strings"), (7, 7), (True, True), (None, None),
])
def test_a_value_of_another_type_is_named_as_that(keycloak, issuer, value, shown):
    body = json.loads(call(keycloak.port, "/v1/a", issuer.token({"sub": "john", "scp": "x", "acr": value})).body)
    assert body["seen"]["acr"] == shown


def test_explain_shows_the_same(keycloak, issuer):
    token = issuer.token({"sub": "john", "scp": "x", "acr": "1"})
    ran = explain(keycloak.config_file, token)
    evidence = next(line for line in ran.stdout.splitlines() if " evidence " in line)
    assert 'seen: no amr, acr "1", no realm_access.roles' in evidence
    assert "protocol mapper" in ran.stdout and "Conditional Access" not in ran.stdout


PRODUCTS = {"keycloak": "realm's administrator", "okta": "Okta's administrator", "auth0": "Action",
            "entra": "Conditional Access", "generic": "identity provider"}


@pytest.mark.parametrize("product", PRODUCTS)
def test_the_remedy_speaks_of_the_issuers_product(keycloak, issuer, product):
    document = yaml.safe_load(keycloak.config_file.read_text())
    document["issuers"][0] = {**document["issuers"][0], "product": product}
    file = keycloak.config_file.with_name("product.yaml")
    file.write_text(yaml.safe_dump(document))
    for claims in ({"amr": ["pwd"]}, {}):
        output = explain(file, issuer.token({"sub": "john", "scp": "x", **claims})).stdout
        others = [word for other, word in PRODUCTS.items() if other not in (product, "generic")]
        assert not any(word in output for word in others)
    assert PRODUCTS[product] in explain(file, issuer.john(acr="1", realm_access={"roles": []})).stdout


def test_operators_see_what_is_accepted_and_callers_do_not(keycloak, issuer):
    foreign = issuer.jane(iss="https://elsewhere.example/")
    other = issuer.jane(aud="api://another")
    accepted = [(foreign, f"accepted issuers: {issuer.url}"), (other, "accepted audiences: ")]
    for token, words in accepted:
        shown = explain(keycloak.config_file, token).stdout
        assert words in shown and "seen: " in shown
        assert json.loads(explain(keycloak.config_file, token, "--json").stdout)["result"] == "fail"
        body = call(keycloak.port, "/v1/a", token).body.decode()
        assert "accepted issuers" not in body and issuer.url not in body and issuer.section[0]["audiences"][0] not in body


def test_a_token_that_is_too_long_is_told_its_length_and_the_limit(start_gateway, issuer, backend):
    gateway = start_gateway(
        upstreams=[{"name": "partner-api", "endpoints": [backend.url]}], limits={"token_bytes": 2000},
        routes=[{"prefix": "/v1/", "upstream": "partner-api"},
                {"prefix": "/oauth/", "upstream": "partner-api", "dialect": "oauth"}],
    )
    token = issuer.jane(groups=["g" * 36] * 60)
    for path in ("/v1/a", "/oauth/a"):
        response = call(gateway.port, path, token)
        body = json.loads(response.body)
        assert (body["reason"], body["check"]) == ("token_too_long", "credential")
        assert body["expected"] == {"token_bytes": 2000} and "seen" not in body
        assert str(len(token)) in body["description"] and "2000" in body["description"] and body["remedy"]
    assert f"{len(token)} bytes, and the limit is 2000" in response.fields.one("WWW-Authenticate")
    assert f"{len(token)} bytes" in explain(gateway.config_file, token).stdout
