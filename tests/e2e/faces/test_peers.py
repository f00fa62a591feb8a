"""Peers of an authorizer that are known by their certificates."""

import ssl

import httpx
import pytest

from support.authority import Authority
from support.gateway import free_port


@pytest.fixture
def world(start_gateway, tmp_path, issuer):
    """A gateway whose authorizer knows a proxy by the name in its certificate; the handshake needs none."""
    authority, port = Authority(tmp_path, "authority"), free_port()
    certificate, key = authority.issue("gateway.example")
    start_gateway(
        authorizers=[{
            "name": "web", "kind": "nginx", "address": f"127.0.0.1:{port}", "peers": {"certificate_names": ["proxy.example"]},
            "tls": {
                "certificates": [{"certificate_file": certificate, "key_file": key}],
                "client_certificates": {"ca_file": str(authority.file), "required": False},
            },
        }],
        upstreams=[], routes=[{"prefix": "/v1/", "serve": "authorizers"}, {"path": "/x", "serve": "authorizers", "require": "public"}],
    )

    def ask(shown, target, token):
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        if shown:
            context.load_cert_chain(*shown)
        headers = {"Authorization": f"Bearer {token}", "X-Original-Method": "GET", "X-Original-URL": target}
        # What a proxy in front of others would say.
        headers |= {"Client-Cert": ":bm9uZQ==:", "X-Forwarded-Client-Cert": "DNS=proxy.example", "X-Forwarded-For": "10.0.0.1"}
        with httpx.Client(verify=context, timeout=5, trust_env=False) as client:
            return client.get(f"https://127.0.0.1:{port}/authorize", headers=headers)

    ask.authority = authority
    return ask


def test_a_peer_is_known_by_the_name_in_its_verified_certificate(world, issuer):
    shown = world.authority.issue("proxy.example")
    assert world(shown, "/v1/x", issuer.jane()).status_code == 200
    assert world(shown, "/v1/x", issuer.john()).json()["reason"] == "mfa_missing"


@pytest.mark.parametrize("name", [None, "other.example", "proxy.example.evil.example", "sub.proxy.example"])
def test_nobody_else_may_ask_with_a_certificate_or_without(world, issuer, name):
    shown = world.authority.issue(name) if name else None
    for target in ("/v1/x", "/x"):
        refused = world(shown, target, issuer.jane())
        assert (refused.status_code, refused.json()["reason"]) == (403, "unknown_peer")


def test_a_certificate_of_another_authority_is_none(world, issuer, tmp_path):
    shown = Authority(tmp_path, "stranger").issue("proxy.example", file="forged")
    with pytest.raises(httpx.TransportError):
        world(shown, "/x", issuer.jane())
