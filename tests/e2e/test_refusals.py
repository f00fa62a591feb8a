"""Who has no MFA is refused as Partner Center refuses, on HTTP/1.1 and HTTP/2."""

import json
import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import pytest

from support import http2
from support.curl import curl
from support.gateway import REQUEST_CONTEXT
from support.http1 import Connection, call, request

GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
OURS = "6f1c5d0e-3c56-4d4e-9b53-0f2c6f3f9a11"


def john_is_refused(response):
    """What holds for the refusal in every protocol."""
    assert response.status == 401
    assert response.fields.one("WWW-Authenticate") == 'Bearer error="invalid_token"'
    assert response.fields.one("Request-Context") == REQUEST_CONTEXT
    age = datetime.now(UTC) - parsedate_to_datetime(response.fields.one("Date"))
    assert abs(age.total_seconds()) < 5
    for name in ("MS-RequestId", "MS-CorrelationId"):
        assert GUID.fullmatch(response.fields.one(name)), name
    assert response.fields.one("Content-Type").startswith("application/json")
    body = json.loads(response.body)
    assert body["code"] == "900421"
    assert "MFA" in body["description"]
    assert all(isinstance(body[key], str) and body[key] for key in ("description", "reason", "remedy", "source"))
    assert len(body["description"]) <= 1024
    return body


def test_the_refusal_on_http1_is_the_documented_one(gateway, issuer, backend):
    response = call(gateway.port, "/v1/customers", issuer.john())
    assert response.status_line == "HTTP/1.1 401 Unauthorized - MFA required"
    assert response.fields.one("Transfer-Encoding") == "chunked"
    assert "Content-Length" not in response.fields
    john_is_refused(response)
    assert backend.saw_nothing


def test_curl_gets_the_same_refusal_over_http2(gateway, issuer, backend):
    token = issuer.john()
    url = f"{gateway.url}/v1/customers"
    over_http2 = curl("--http2-prior-knowledge", "-H", f"Authorization: Bearer {token}", url)
    over_http1 = curl("-H", f"Authorization: Bearer {token}", url)
    assert over_http2.status_line.strip() == "HTTP/2 401"
    bodies = [john_is_refused(response) for response in (over_http2, over_http1)]
    assert bodies[0].keys() == bodies[1].keys()
    assert all(bodies[0][key] == bodies[1][key] for key in ("code", "reason", "remedy", "source"))
    assert "Transfer-Encoding" not in over_http2.fields
    assert backend.saw_nothing


def test_a_head_request_gets_the_refusal_without_a_body(gateway, issuer):
    response = call(gateway.port, "/v1/customers", issuer.john(), method="HEAD")
    assert response.status_line == "HTTP/1.1 401 Unauthorized - MFA required"
    assert response.fields.one("WWW-Authenticate") == 'Bearer error="invalid_token"'


def test_the_body_says_what_was_seen_and_what_to_do(gateway, issuer):
    body = json.loads(call(gateway.port, "/v1/customers", issuer.john()).body)
    assert "mfa" in body["remedy"].lower() or "multi-factor" in body["remedy"].lower()
    assert "John" not in json.dumps(body) and "fabrikam" not in json.dumps(body)


def test_absent_amr_and_amr_without_mfa_are_different_reasons_with_different_remedies(gateway, issuer):
    absent = json.loads(call(gateway.port, "/v1/customers", issuer.token({"sub": "john", "scp": "read"})).body)
    without = json.loads(call(gateway.port, "/v1/customers", issuer.john()).body)
    assert absent["code"] == without["code"] == "900421"
    assert absent["reason"] != without["reason"]
    assert absent["remedy"] != without["remedy"]


@pytest.mark.parametrize("amr", [
    "mfa", ["MFA"], ["ngcmfa"], ["wiaormfa"], ["pwd mfa"], [], [["mfa"]], {"mfa": True}, ["mfa", 1], True, None,
], ids=json.dumps)
def test_nothing_but_an_exact_element_of_an_array_of_strings_is_mfa(gateway, issuer, backend, amr):
    response = call(gateway.port, "/v1/customers", issuer.jane(amr=amr))
    assert response.status_line == "HTTP/1.1 401 Unauthorized - MFA required"
    assert backend.saw_nothing


@pytest.mark.parametrize("claim", ["amr_values", "AMR", "acr", "acrs", "methods"])
def test_mfa_in_another_claim_is_no_mfa(gateway, issuer, backend, claim):
    response = call(gateway.port, "/v1/customers", issuer.john(**{claim: ["mfa"]}))
    assert response.status_line == "HTTP/1.1 401 Unauthorized - MFA required"
    assert backend.saw_nothing


def test_well_formed_ids_of_the_client_are_echoed(gateway, issuer):
    theirs = "0e6f1c5d-563c-4e4d-9b53-0f2c6f3f9a22"
    headers = [("MS-RequestId", OURS), ("MS-CorrelationId", theirs)]
    response = call(gateway.port, "/v1/customers", issuer.john(), headers=headers)
    assert response.fields.one("MS-RequestId") == OURS
    assert response.fields.one("MS-CorrelationId") == theirs


@pytest.mark.parametrize("value", [
    "has a space", "a" * 500, "<script>", "a\tb", "", "näme", f"{OURS}, {OURS}", f"{OURS}%0d%0aX-Injected: 1",
])
def test_malformed_ids_of_the_client_are_replaced(gateway, issuer, value):
    headers = [("MS-RequestId", value), ("MS-CorrelationId", value)]
    response = call(gateway.port, "/v1/customers", issuer.john(), headers=headers)
    assert response.status == 401
    assert GUID.fullmatch(response.fields.one("MS-RequestId"))
    assert GUID.fullmatch(response.fields.one("MS-CorrelationId"))


@pytest.mark.parametrize("ending", ["\r\n", "\n", "\r"])
def test_a_line_break_in_an_id_injects_nothing(gateway, issuer, backend, ending):
    """CR LF makes a second field of its own, which is echoed nowhere; a bare CR or LF is refused outright."""
    headers = [("MS-RequestId", f"{OURS}{ending}X-Injected: 1")]
    response = call(gateway.port, "/v1/customers", issuer.john(), headers=headers)
    assert "X-Injected" not in response.fields
    assert response.status == (401 if ending == "\r\n" else 400)
    assert backend.saw_nothing


def test_a_header_value_with_a_line_break_is_refused_on_http2(gateway, issuer, backend):
    try:
        response = http2.call(
            gateway.port, "/v1/customers", issuer.john(), headers=[("ms-requestid", "a\r\nx-injected: 1")]
        )
        assert response.status in (400, 401)
        assert "x-injected" not in response.fields
    except ConnectionError:
        pass  # RFC 9113 section 8.1.1: a malformed request is a stream error.
    assert backend.saw_nothing


def test_app_only_tokens_get_403_where_they_are_not_allowed(gateway, issuer, backend):
    response = call(gateway.port, "/people-only/x", issuer.daemon())
    assert response.status == 403
    assert json.loads(response.body)["description"]
    assert backend.saw_nothing


def test_a_refusal_leaves_the_connection_to_the_next_request(gateway, issuer, backend):
    with Connection(gateway.port) as connection:
        for token, status in [(issuer.john(), 401), (issuer.jane(), 200), (issuer.john(), 401), (issuer.jane(), 200)]:
            connection.send(request("GET", "/v1/customers", token))
            assert connection.response().status == status
    assert len(backend.requests) == 2


@pytest.mark.parametrize("target, part", [("/public/caf\u00e9", "path"), ("/public/a?q=\u65e5", "query")])
@pytest.mark.parametrize("version", ["1", "2"])
def test_raw_utf8_is_to_be_percent_encoded_and_the_refusal_says_where(gateway, backend, version, target, part):
    if version == "2":
        response = http2.call(gateway.port, target)
    else:
        with Connection(gateway.port) as connection:
            connection.send(f"GET {target} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            response = connection.response()
    body = json.loads(response.body)
    assert (response.status, body["reason"]) == (400, "malformed_request")
    assert f"The {part} contains a character that" in body["description"] and "percent-encode" in body["description"]
    assert backend.saw_nothing
