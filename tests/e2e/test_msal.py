"""Microsoft's own library, MSAL, signs in at the demo's identity provider as it does at Entra, and calls through the gateway."""

import json
import re
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import httpx
import msal
import pytest
import requests
from support.demo import Provider
from support.http1 import call

CONTOSO, FABRIKAM = "df845f1a-7b35-40a2-ba78-6481de91f8ae", "b41e72f8-2c93-4d67-a5b8-91c3d7e04f25"
ADATUM, ALPINE_SKI_HOUSE = "0c39d6d5-c70d-4c55-bc02-f620844f3fd1", "4d3cf487-70f4-4e1e-9ff1-b2bfce8d9f04"
NIGHTLY, NIGHTLY_SECRET = "5b0d9a4e-2f6c-4c1b-8d37-a94e60b1f2c8", "demo-only-nightly-secret"
VENDOR, VENDOR_SECRET = "a7c3e5f1-94b8-4d02-b61e-3c8d7f2059ea", "demo-only-vendor-secret"
AUDIENCE = "https://api.partnercenter.microsoft.com"
SCOPES = [f"{AUDIENCE}/.default"]
# Codes come in a query here, which MSAL warns of.
pytestmark = pytest.mark.filterwarnings("ignore:response_mode")
# MSAL takes no authority without TLS.
HOST = "https://login.demo.example"


class Http:
    """Sends what is meant for the authority's host to the demo, whose documents then name that host."""

    def __init__(self, base: str):
        self.base, self.session = base.rstrip("/"), requests.Session()

    def get(self, url, **more):
        answer = self.session.get(url.replace(HOST, self.base), **more)
        answer._content = answer.content.replace(self.base.encode(), HOST.encode())
        return answer

    def post(self, url, **more):
        return self.session.post(url.replace(HOST, self.base), **more)

    def close(self):
        self.session.close()


@pytest.fixture
def provider(demo):
    provider = Provider(demo)
    yield provider
    provider.honest()


@pytest.fixture
def application(provider):
    def start(tenant: str, client: str = NIGHTLY, secret: str = NIGHTLY_SECRET) -> msal.ConfidentialClientApplication:
        return msal.ConfidentialClientApplication(
            client, client_credential=secret, authority=f"{HOST}/{tenant}", instance_discovery=False,
            validate_authority=False, http_client=Http(provider.url),
        )

    return start


@pytest.fixture
def gateway(start_gateway, provider, backend):
    issuers = [{"name": name, "issuer": f"{provider.url}{tenant}/v2.0", "audiences": [AUDIENCE]}
               for name, tenant in (("contoso", CONTOSO), ("fabrikam", FABRIKAM))]
    return start_gateway(
        issuers=issuers, upstreams=[{"name": "partner-api", "endpoints": [backend.url]}],
        routes=[{"prefix": "/v1/", "upstream": "partner-api", "require": "mfa", "app_only": "allow"}],
    )


@pytest.fixture
def sign_in(provider):
    def at(application, login: str, **more) -> dict:
        """The code flow with PKCE, state and nonce, with a browser that presses every button."""
        flow = application.initiate_auth_code_flow(SCOPES, redirect_uri="http://localhost:8400/", login_hint=login, **more)
        assert "code_challenge=" in flow["auth_uri"]
        browser, start = httpx.Client(), flow["auth_uri"].replace(HOST, provider.url.rstrip("/"))
        answer = browser.get(start)
        for action in ("next", "register", "next", "approve", "federated"):
            if answer.is_redirect:
                break
            form = answer.text.replace("&#x2f;", "/").split('action="')[1].split('"')[0]
            answer = browser.post(httpx.URL(start).join(form), data={"action": action})
        back = dict(parse_qsl(urlsplit(answer.headers["location"]).query))
        return application.acquire_token_by_auth_code_flow(flow, back)

    return at


def status(gateway, result: dict) -> int:
    return call(gateway.port, "/v1/customers", result["access_token"]).status


def test_a_program_without_a_user_passes(application, gateway):
    result = application(CONTOSO).acquire_token_for_client(SCOPES)
    assert status(gateway, result) == 200
    refused = application(ADATUM, VENDOR, VENDOR_SECRET).acquire_token_for_client(SCOPES)
    assert refused["error_codes"] == [700016], refused
    assert application(CONTOSO, secret="guess").acquire_token_for_client(SCOPES)["error"] == "invalid_client"


def test_a_person_signs_in_once_and_refreshes_pass(application, sign_in, gateway):
    app = application(CONTOSO)
    result = sign_in(app, "nightly")
    assert result["id_token_claims"]["tid"] == CONTOSO and status(gateway, result) == 200
    (account,) = app.get_accounts()
    silent = app.acquire_token_silent(SCOPES, account, force_refresh=True)
    assert silent["access_token"] != result["access_token"] and status(gateway, silent) == 200
    again = application(ADATUM).acquire_token_by_refresh_token(result["refresh_token"], SCOPES)
    assert again["error_codes"] == [70000], "a refresh token is good for one use"


def test_a_user_without_mfa_gets_it_by_a_claims_challenge(application, sign_in, gateway):
    app = application(FABRIKAM)
    result = sign_in(app, "john")
    refused = call(gateway.port, "/v1/customers", result["access_token"])
    assert refused.status == 401 and json.loads(refused.body)["reason"] == "mfa_missing"
    challenge = json.dumps({"access_token": {"amr": {"essential": True, "values": ["mfa"]}}})
    assert status(gateway, sign_in(app, "john", claims_challenge=challenge)) == 200


def test_the_claims_of_an_error_lead_to_a_sign_in_that_satisfies_the_policy(application, sign_in, provider, gateway):
    app = application(FABRIKAM)
    assert status(gateway, sign_in(app, "john")) == 401
    provider.faults(refresh={"aadsts": 50076, "times": 1})
    (account,) = app.get_accounts()
    refused = app.acquire_token_silent_with_error(SCOPES, account, force_refresh=True)
    assert refused["suberror"] == "basic_action" and refused["error_codes"] == [50076], refused
    assert status(gateway, sign_in(app, "john", claims_challenge=refused["claims"])) == 200


def test_a_password_gets_no_token_where_mfa_is_due(application):
    refused = application(CONTOSO).acquire_token_by_username_password("nightly@contoso.example", "any", SCOPES)
    assert refused["error"] == "invalid_grant" and refused["error_codes"] == [50076], refused


def test_a_customer_of_its_own_provider_asks_there(application, sign_in):
    result = sign_in(application(ALPINE_SKI_HOUSE), "jane")
    assert result["id_token_claims"]["tid"] == ALPINE_SKI_HOUSE


def test_the_program_that_the_documents_show_asks_as_itself_and_calls_through_the_gateway(
        application, gateway, tmp_path, monkeypatch):
    page = (Path(__file__).parents[2] / "docs/unattended.md").read_text()
    program = re.search(r"### Python\n.*?```python\n(.*?)```", page, re.S)[1]
    for name in ("job.key", "job.crt"):
        (tmp_path / name).write_text("stands for one")
    monkeypatch.chdir(tmp_path)
    for name, value in (("CLIENT_ID", NIGHTLY), ("AUTHORITY", f"{HOST}/{CONTOSO}")):
        monkeypatch.setenv(name, value)
    started, made = [], application(CONTOSO)

    def start(client_id, authority, client_credential):
        started.append((client_id, authority, sorted(client_credential)))
        return made

    monkeypatch.setattr(msal, "ConfidentialClientApplication", start)
    program = program.replace("api://gateway", AUDIENCE).replace("https://gateway/customers/4988e250-…/", f"{gateway.url}/v1/")
    found = {}
    exec(compile(program, "unattended.md", "exec"), found)
    assert started == [(NIGHTLY, f"{HOST}/{CONTOSO}", ["private_key", "public_certificate"])]
    assert found["users"].status_code == 200 and found["users"].url == f"{gateway.url}/v1/users"
