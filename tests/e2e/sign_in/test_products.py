"""What products do differently: Entra's errors, hints and evidence, form post, TLS in front (SESSIONS 4.1, 4.6)."""

import pytest
import yaml

from support.gateway import free_port, run
from support.http1 import Connection, request
from support.identity_provider import CLIENT_ID, JANE, JOHN
from support.issuer import AUDIENCE
from support.links import press
from support.portal import SESSION
from support.visitor import NAVIGATION


def test_p06_a_provider_that_promises_no_iss_may_leave_it_out_but_not_lie(start_portal, provider):
    provider.metadata = {"authorization_response_iss_parameter_supported": False}
    portal = start_portal()
    provider.change_response = lambda answer: answer[:2]
    assert portal.visitor().open(portal.at("/pages/a")).status == 200
    provider.change_response = lambda answer: [*answer[:2], ("iss", "https://login.evil.example/")]
    visitor = portal.visitor()
    before = provider.seen["/token"]
    assert visitor.open(portal.at("/pages/a")).status == 400
    assert provider.seen["/token"] == before and SESSION not in visitor.cookies()


ENTRA = [50076, 50074, 50079, 50072, 50078, 53003, 53000, 53001, 50105, 50020, 50034, 65001, 65004, 50011, 50158, 500213, 54005, 90094]


def test_p50_entras_numbers_are_shown_with_the_gateways_own_words(portal, provider):
    titles = set()
    for number in ENTRA:
        text = f"AADSTS{number}: Their own words, Trace ID: 8e7a for jane@contoso.example"
        provider.change_response = lambda answer, text=text: [
            ("error", "interaction_required"), ("error_description", text), ("suberror", "basic_action"), *answer[1:],
        ]
        hop = portal.visitor().open(portal.at("/pages/a"))
        assert hop.status in (401, 403) and str(number) in hop.text, number
        assert "Their own" not in hop.text and "8e7a" not in hop.text and "jane@" not in hop.text
        titles.add(hop.text.split("<h1")[1].split("</h1>")[0])
    assert len(titles) >= 10
    # A number that isn't one, and one in another place, changes nothing.
    for text in ("AADSTS<b>1</b>", "x AADSTS99999999999999999999", "AADSTS", ""):
        provider.change_response = lambda answer, text=text: [("error", "access_denied"), ("error_description", text), *answer[1:]]
        assert portal.visitor().open(portal.at("/pages/a")).status in (401, 403)


def test_p46_acrs_prove_mfa_only_where_that_is_configured(portal, start_portal, provider):
    provider.person = {**JOHN, "mfa": "never", "acrs": ["c1"], "acr": "c1"}
    assert portal.visitor().open(portal.at("/mfa/a")).status == 403
    evidence = {"any": [{"claim": "acrs", "contains": "c1"}]}
    issuers = [{"name": "idp", "issuer": provider.url, "audiences": [AUDIENCE], "mfa_evidence": evidence}]
    trusting = start_portal(issuers=issuers)
    assert trusting.visitor().open(trusting.at("/mfa/a")).status == 200
    provider.person = {**JANE, "acrs": ["c2"]}
    assert trusting.visitor().open(trusting.at("/mfa/a")).status == 403


def test_p49_hints_are_the_claim_made_for_them_and_the_return_is_registered(portal, provider):
    provider.person = {**JOHN, "login_hint": "O.CiQxMjM0"}
    visitor = portal.signed_in()
    visitor.open(portal.at("/mfa/a"))
    press(visitor, visitor.send(portal.own("sign-out")), "Sign out")
    ended = provider.ended[-1]
    assert provider.last["login_hint"] == ended["logout_hint"] == "O.CiQxMjM0"
    assert ended["post_logout_redirect_uri"] == portal.own("signed-out")


def test_p48_the_request_asks_for_a_code_in_the_query(portal, provider):
    portal.signed_in()
    assert provider.last["response_type"] == "code" and provider.last.get("response_mode", "query") == "query"


def test_p48_p04_a_form_post_signs_in_although_the_browser_withholds_its_lax_cookies(start_portal, provider):
    portal = start_portal(sign_in={"response_mode": "form_post"})
    visitor = portal.visitor()
    callback = portal.callback_of(visitor, "/pages/a?b")
    assert provider.last["response_mode"] == "form_post"
    address, _, body = callback.partition("?")
    for hostile in (b"", b"state=%0d%0aX:1&code=a", b"code=\xff\x00\r\n", b"state=a&code=b&state=c", b"x=" + b"y" * 100_000):
        hop = visitor.post(address, hostile, origin=provider.origin, site="cross-site")
        assert hop.status in (303, 400, 413) and "X" not in [name for name, _ in hop.fields], hop
        assert not hop.location or visitor.send(hop.location).status == 400
    hop = visitor.post(address, body.encode(), origin=provider.origin, site="cross-site")
    for _ in range(3):
        if hop.location:
            hop = visitor.send(hop.location)
        elif hop.url != portal.at("/pages/a?b"):
            hop = press(visitor, hop, "Continue")
    assert (hop.status, hop.url) == (200, portal.at("/pages/a?b")), visitor.hops
    assert provider.seen["/token"] == 1


@pytest.fixture
def checked(tmp_path, portal):
    def check(**changes):
        config = yaml.safe_load(portal.config_file.read_text())
        config["state"] = {"directory": str(tmp_path)}
        config["listeners"] = [{"address": "127.0.0.1:0"}]
        config["sign_in"][0] |= changes
        file = tmp_path / "gateway.yaml"
        file.write_text(yaml.safe_dump(config))
        ran = run("check", "--config", str(file))
        return ran.returncode, ran.stdout + ran.stderr
    return check


def test_p41_sessions_need_https_or_loopback(checked):
    code, text = checked(public_url="http://portal.example")
    assert code != 0 and "public_url" in text
    for fine in ("https://portal.example", "http://localhost:8080", "http://127.0.0.1:8080"):
        code, text = checked(public_url=fine)
        assert code == 0, text


def test_p41_behind_a_tls_balancer_the_address_is_the_configured_one(start_portal, provider):
    port = free_port()
    portal = start_portal(sign_in={"public_url": "https://portal.example"}, listeners=[{"address": f"127.0.0.1:{port}"}])
    for forwarded in ([], [("X-Forwarded-Host", "evil.example"), ("X-Forwarded-Proto", "http"), ("Forwarded", "host=evil.example")]):
        with Connection(port) as connection:
            connection.send(request("GET", "/pages/a", headers=[("Host", "portal.example"), *NAVIGATION, *forwarded]))
            response = connection.response()
        assert response.status == 303 and "redirect_uri=https%3A%2F%2Fportal.example%2F.mfa-gateway%2Fcallback" in response.fields.one("Location")
        assert all("Secure" in line for line in response.fields.all("Set-Cookie"))
    assert portal.public_url and CLIENT_ID in response.fields.one("Location")
