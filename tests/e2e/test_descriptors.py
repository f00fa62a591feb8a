"""Out of file descriptors: the gateway goes on with what it has, and recovers."""

import resource
import socket
import time

import httpx

from support.gateway import Gateway
from support.http1 import Connection, request


def test_the_gateway_survives_to_be_out_of_descriptors_and_recovers(issuer, backend, tmp_path):
    gateway = Gateway(
        tmp_path,
        {
            "issuers": issuer.section,
            "upstreams": [{"name": "api", "endpoints": [backend.url]}],
            "routes": [{"path": "/healthz", "upstream": "api", "require": "public"}],
        },
        # It raises the soft limit to the hard one, so both are low.
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (48, 48)),
    )
    with Connection(gateway.port) as early:
        early.send(request("GET", "/healthz"))
        assert early.response().status == 200
        waiting = [socket.create_connection(("127.0.0.1", gateway.port), 5) for _ in range(80)]
        end = time.monotonic() + 5
        while "could not accept a connection" not in gateway.log.read_text() and time.monotonic() < end:
            time.sleep(0.02)
        log = gateway.log.read_text()
        assert "could not accept a connection" in log
        # A connection that is there goes on, with the upstream connection that it has.
        early.send(request("GET", "/healthz"))
        assert early.response().status == 200
        for connection in waiting:
            connection.close()
    with Connection(gateway.port) as late:
        late.send(request("GET", "/healthz"))
        assert late.response().status == 200
    assert httpx.get(f"http://127.0.0.1:{gateway.admin_port}/livez").status_code == 200
    # It rested in between instead of asking in a loop.
    assert gateway.log.read_text().count("could not accept a connection") < 200
    gateway.stop()
