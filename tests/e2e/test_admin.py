"""The admin listener: what operators see and do."""

import ssl
import stat

import httpx
import pytest
import yaml

from support.gateway import run
from support.issuer import AUDIENCE
from test_tls import certificate

TOKEN = "an-operators-token-of-the-file-0123456789"
ADMIN_AUDIENCE = "api://gateway-admin"


@pytest.fixture
def admin(start_gateway, session_backend, tmp_path):
    """A gateway with operators of both kinds, and a client that is one of them."""
    tokens = tmp_path / "admin-tokens"
    tokens.write_text(f"# replaced yearly\n{TOKEN}\n")
    tokens.chmod(stat.S_IRUSR | stat.S_IWUSR)
    gateway = start_gateway(
        admin={"authentication": {
            "token_file": str(tokens), "operators": {"issuer": "wingtip", "audiences": [ADMIN_AUDIENCE]},
        }},
        upstreams=[{"name": "api", "endpoints": [session_backend.url]}],
        routes=[
            {"path": "/healthz", "upstream": "api", "require": "public"},
            {"prefix": "/v1/", "upstream": "api", "require": "mfa"},
        ],
    )
    with httpx.Client(base_url=gateway.admin_url, headers={"Authorization": f"Bearer {TOKEN}"}) as client:
        client.gateway = gateway
        yield client


def change(gateway, change_config):
    config = yaml.safe_load(gateway.config_file.read_text())
    change_config(config)
    gateway.config_file.write_text(yaml.safe_dump(config, sort_keys=False))


def test_a_reload_takes_the_file_into_use_at_once(admin, issuer):
    john = {"Authorization": f"Bearer {issuer.john()}"}
    assert httpx.get(f"{admin.gateway.url}/v1/x", headers=john).status_code == 401
    change(admin.gateway, lambda config: config["routes"][1].update(require="authenticated"))
    answer = admin.post("/reload")
    assert answer.status_code == 200, answer.text
    assert answer.json()["status"] == "reloaded" and answer.json()["generation"] == 2
    assert httpx.get(f"{admin.gateway.url}/v1/x", headers=john).status_code == 200
    assert admin.get("/config").json()["hash"] == answer.json()["hash"]
    assert "mfa_gateway_config_reloads_total 1" in admin.get("/metrics").text


def test_a_reload_of_a_wrong_file_says_what_check_says_and_changes_nothing(admin):
    before = admin.get("/config").json()
    change(admin.gateway, lambda config: config["routes"][1].update(upstream="apy", max_age="soon"))
    answer = admin.post("/reload")
    assert answer.status_code == 422 and answer.headers["content-type"] == "application/problem+json"
    checked = run("check", "--config", str(admin.gateway.config_file))
    assert answer.json()["detail"].strip() == checked.stderr.strip()
    problems = answer.json()["problems"]
    assert {problem["field"] for problem in problems} == {"routes[1].upstream", "routes[1].max_age"}
    assert all(problem["line"] and problem["column"] and problem["fix"] for problem in problems)
    assert admin.get("/config").json() == before
    assert "mfa_gateway_config_reload_failures_total 1" in admin.get("/metrics").text


def test_an_operator_signs_in_with_mfa(admin, issuer):
    def status(token):
        return admin.get("/routes", headers={"Authorization": f"Bearer {token}"}).status_code

    assert status(issuer.jane(aud=ADMIN_AUDIENCE)) == 200
    assert status(issuer.john(aud=ADMIN_AUDIENCE)) == 401
    assert status(issuer.jane(aud=AUDIENCE)) == 401, "a caller of the API is no operator"
    assert status(issuer.daemon(aud=ADMIN_AUDIENCE)) == 403


def test_what_is_asked_and_who_asked_is_logged_but_no_token(admin, issuer):
    jane = issuer.jane()
    answer = admin.post("/explain", json={"token": f"Bearer {jane}", "path": "/v1/x?secret=1"})
    assert (answer.status_code, answer.json()["result"]) == (200, "pass")
    assert admin.post("/explain", json={"token": jane[:-3] + "xyz", "path": "/v1/x"}).json()["result"] == "fail"
    log = admin.gateway.log.read_text()
    assert "an operator's request" in log and "token file" in log
    for secret in (TOKEN, *jane.split("."), "secret=1"):
        assert secret not in log
    assert jane.split(".")[1] not in answer.text


def test_the_admin_listener_speaks_tls(start_gateway, session_backend, tmp_path):
    crt, key = certificate(tmp_path, "admin", "localhost")
    gateway = start_gateway(
        admin={"tls": {"certificates": [{"certificate_file": str(crt), "key_file": str(key)}]}},
        upstreams=[{"name": "api", "endpoints": [session_backend.url]}],
        routes=[{"prefix": "/", "upstream": "api"}],
    )
    url = f"https://localhost:{gateway.admin_port}/livez"
    assert httpx.get(url, verify=ssl.create_default_context(cafile=str(crt))).status_code == 200
    with pytest.raises(httpx.TransportError):
        httpx.get(url.replace("https", "http"))
