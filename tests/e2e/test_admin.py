"""The admin listener: what operators see and do."""

import ssl

import httpx
import jsonschema
import pytest
import yaml

from support.gateway import run
from support.issuer import AUDIENCE
from support.operators import ADMIN_AUDIENCE, TOKEN, operated
from test_tls import certificate

@pytest.fixture
def admin(tmp_path, issuer, backend):
    """A client that is an operator, of a gateway of the test's own."""
    gateway = operated(tmp_path, issuer, backend)
    with httpx.Client(base_url=gateway.admin_url, headers={"Authorization": f"Bearer {TOKEN}"}) as client:
        client.gateway = gateway
        yield client
    gateway.stop()


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
    admin.gateway.stop()  # whatever is logged is written then
    log = admin.gateway.log.read_text()
    assert "an operator request" in log and "token file" in log
    for secret in (TOKEN, *jane.split("."), "secret=1"):
        assert secret not in log
    assert jane.split(".")[1] not in answer.text


def test_a_verbose_log_has_each_request_without_its_query_and_token(tmp_path, issuer, backend):
    gateway = operated(tmp_path, issuer, backend, log={"level": "debug"})
    answer = httpx.get(f"{gateway.admin_url}/routes?secret=1", headers={"Authorization": f"Bearer {TOKEN}"})
    assert answer.status_code == 200
    gateway.stop()
    log = gateway.log.read_text()
    assert "an admin request has its response" in log and "/routes" in log
    assert TOKEN not in log and "secret=1" not in log


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


def operation(document: dict, method: str, path: str) -> dict:
    return document["paths"][path][method.lower()]


def validate(document: dict, answer: httpx.Response, method: str, path: str):
    """Asserts that an answer is one of those that the document has for it."""
    described = operation(document, method, path)["responses"][str(answer.status_code)]
    if "$ref" in described:
        described = document["components"]["responses"][described["$ref"].rsplit("/", 1)[1]]
    media_type = answer.headers["content-type"].split(";")[0]
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **described["content"][media_type]["schema"]}
    if media_type.endswith("json"):
        jsonschema.validate(answer.json(), {**schema, "components": document["components"]})


def test_every_answer_is_as_the_openapi_document_has_it(admin, issuer):
    document = admin.get("/openapi.json").json()
    assert document["openapi"] == "3.1.0"
    for schema in document["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(schema)
    nobody = httpx.Client(base_url=admin.base_url)
    tokens = [issuer.jane(), issuer.john(), issuer.daemon(), "", "x", issuer.jane(iss="https://elsewhere.example/")]
    questions = [{"token": token, "path": path} for token in tokens for path in ("/v1/x", "/healthz", "/nowhere")]
    seen = set()
    for path, operations in document["paths"].items():
        for method in operations:
            asked = [
                *(admin.request(method, path, json=body) for body in (questions if path == "/explain" else [None])),
                nobody.request(method, path),
                nobody.request(method, path, headers={"Authorization": f"Bearer {issuer.john(aud=ADMIN_AUDIENCE)}"}),
                admin.request(method, path, headers={"Host": "evil.example"}),
            ]
            if path == "/explain":
                asked += [
                    admin.post(path, content="{"), admin.post(path, content="{", headers={"Content-Type": "text/plain"}),
                    admin.post(path, json={}), admin.post(path, json={"path": "/", "token": "x" * 200_000}),
                ]
            if path == "/reload":
                change(admin.gateway, lambda config: config.update(limts={}))
                asked.append(admin.post(path))
            for answer in asked:
                validate(document, answer, method, path)
                seen.add((method, path, answer.status_code))
    assert {status for _, path, status in seen if path == "/explain"} == {200, 400, 401, 413, 415, 421}
    assert {status for _, path, status in seen if path == "/reload"} == {200, 401, 421, 422}
    assert {status for method, path, status in seen if path == "/livez"} == {200}


def test_the_page_and_the_document_are_for_gateways_that_have_operators(admin, gateway):
    for path in ("/", "/explain.js", "/explain.css", "/openapi.json"):
        served = httpx.get(f"{admin.gateway.admin_url}{path}")
        assert served.status_code == 200 and served.headers["cache-control"] == "no-store", path
        assert served.headers["x-content-type-options"] == "nosniff" and "content-security-policy" in served.headers
        assert httpx.get(f"{gateway.admin_url}{path}").json()["reason"] == "admin_closed", path
