"""What a backend learns of a client's certificate, and when the gateway's own expire."""

import base64
import re
import ssl
import time

import httpx
import pytest

from support.authority import Authority
from support.gateway import free_port
from support.http1 import call

SPOOFED = {
    name: "spoofed" for name in [
        "Client-Cert", "Client_Cert", "client.cert", "Client-Cert-Chain", "X-Client-Cert", "X_Client_Cert",
        "X-SSL-Client-Cert", "X-SSL-Client-Verify", "SSL_CLIENT_CERT", "ssl-client-subject-dn", "X-Forwarded-Client-Cert",
        "X-ARR-ClientCert", "X-Amzn-Mtls-Clientcert", "Cf-Client-Cert-Sha256", "X-Client-Certificate", "X-Client-DN",
    ]
}


@pytest.fixture
def world(start_gateway, backend, tmp_path):
    """Starts a gateway with a TLS listener that has these settings for clients' certificates."""
    authority = Authority(tmp_path, "authority")
    certificate, key = authority.issue("gateway.example", days=3)

    def start(**client):
        port = free_port()
        tls = {"certificates": [{"certificate_file": certificate, "key_file": key}],
               "client_certificates": {"ca_file": str(authority.file), **client}}
        plain = free_port()
        gateway = start_gateway(
            listeners=[{"address": f"127.0.0.1:{plain}"}, {"address": f"127.0.0.1:{port}", "tls": tls}],
            upstreams=[{"name": "api", "endpoints": [backend.url]}],
            routes=[{"path": "/healthz", "upstream": "api", "require": "public"}],
        )
        gateway.plain, gateway.secure, gateway.certificate = plain, port, certificate
        return gateway

    start.authority = authority
    return start


def get(port, shown=None, http2=False):
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if shown:
        context.load_cert_chain(*shown)
    with httpx.Client(verify=context, http2=http2, timeout=5, trust_env=False) as client:
        return client.get(f"https://127.0.0.1:{port}/healthz", headers=SPOOFED).status_code


def fields_of_certificates(request):
    return [(name, value) for name, value in request.fields if "cert" in name.lower() or "ssl" in name.lower()]


@pytest.mark.parametrize("http2", [False, True], ids=["http1", "http2"])
def test_the_backend_gets_the_certificate_that_was_verified_and_no_other(world, backend, http2):
    gateway = world(forward=True)
    shown = world.authority.issue("client.example")
    assert get(gateway.secure, shown, http2) == 200
    pem = open(shown[0]).read()
    der = base64.b64decode(re.sub("-----.*?-----|\\s", "", pem))
    fields = fields_of_certificates(backend.only_request)
    assert [(name.lower(), value) for name, value in fields] == [("client-cert", f":{base64.b64encode(der).decode()}:")]


def test_without_a_certificate_or_without_forward_the_backend_gets_none(world, backend):
    gateway = world(forward=True, required=False)
    assert get(gateway.secure) == 200
    assert call(gateway.plain, "/healthz", headers=SPOOFED.items()).status == 200
    gateway = world()
    assert get(gateway.secure, world.authority.issue("client.example")) == 200
    assert len(backend.requests) == 3
    for request in backend.requests:
        assert fields_of_certificates(request) == []


def test_a_certificate_of_another_authority_is_turned_away_even_if_none_is_required(world, backend, tmp_path):
    gateway = world(forward=True, required=False)
    with pytest.raises(httpx.TransportError):
        get(gateway.secure, Authority(tmp_path, "other").issue("client.example"))
    assert backend.saw_nothing


def test_a_certificate_that_soon_expires_is_told_of(world):
    gateway = world()
    metrics = httpx.get(f"http://127.0.0.1:{gateway.admin_port}/metrics", trust_env=False).text
    line = next(line for line in metrics.splitlines() if line.startswith("mfa_gateway_certificate_expiry_timestamp_seconds{"))
    assert f'of="listener",name="127.0.0.1:{gateway.secure}",file="{gateway.certificate}"' in line
    assert abs(float(line.split()[-1]) - time.time() - 3 * 86400) < 60
    assert gateway.logged("a certificate expires soon")
