"""Protected resource metadata (RFC 9728), as a client finds it that knows nothing but the URL of an API."""

import re

import httpx

from support.gateway import free_port


def test_a_client_that_is_refused_finds_the_issuer_and_learns_of_mfa(start_gateway, backend, issuer):
    port = free_port()
    resource = f"http://127.0.0.1:{port}/v1"
    start_gateway(
        listeners=[{"address": f"127.0.0.1:{port}"}], issuers=issuer.section,
        upstreams=[{"name": "api", "endpoints": [backend.url]}],
        resource_metadata=[{"resource": resource, "name": "Partner API", "scopes": ["user_impersonation"]}],
        routes=[
            {"prefix": "/v1/", "upstream": "api", "dialect": "oauth", "require": "mfa"},
            {"prefix": "/v2/", "upstream": "api", "dialect": "oauth", "require": "mfa"},
        ],
    )
    with httpx.Client(trust_env=False) as client:
        for headers in ({}, {"Authorization": f"Bearer {issuer.john()}"}):
            refused = client.get(f"{resource}/customers", headers=headers)
            assert refused.status_code == 401
            (url,) = re.findall(r'resource_metadata="([^"]*)"', refused.headers["www-authenticate"])
            assert url == f"http://127.0.0.1:{port}/.well-known/oauth-protected-resource/v1"
        found = client.get(url)
        assert (found.status_code, found.headers["content-type"]) == (200, "application/json")
        document = found.json()
        assert document["resource"] == resource, "as a client has to check (RFC 9728 section 3.3)"
        assert document["authorization_servers"] == [issuer.section[0]["issuer"]]
        assert (document["mfa_required"], document["acr_values_supported"]) == (True, ["mfa"])
        assert document["scopes_supported"] == ["user_impersonation"]
        assert client.get(url, headers={"Host": "evil.example", "X-Forwarded-Host": "evil.example"}).json() == document
        assert client.get(f"http://127.0.0.1:{port}/.well-known/oauth-protected-resource").status_code == 404
        other = client.get(f"http://127.0.0.1:{port}/v2/x")
        assert "resource_metadata" not in other.headers["www-authenticate"]
    assert backend.saw_nothing
