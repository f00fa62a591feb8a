"""Pages of other origins, in a real browser: what they may read, and WebSockets with the token in a subprotocol."""

import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from playwright.sync_api import sync_playwright
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from support.browser import launch


class Page(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>page</title>")

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def origins():
    """Two origins with a page each."""
    servers = [ThreadingHTTPServer(("127.0.0.1", 0), Page) for _ in range(2)]
    for server in servers:
        Thread(target=server.serve_forever, daemon=True).start()
    yield [f"http://127.0.0.1:{server.server_address[1]}" for server in servers]
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as playwright:
        browser = launch(playwright)
        yield browser
        browser.close()


@pytest.fixture
def crossing(start_gateway, backend, sockets, origins):
    return start_gateway(
        upstreams=[
            {"name": "api", "endpoints": [backend.url]},
            {"name": "sockets", "endpoints": [sockets.url]},
        ],
        routes=[
            {"prefix": "/v1/", "upstream": "api", "cors": {"origins": [origins[0]], "credentials": True}},
            {"prefix": "/without/", "upstream": "api"},
            {"prefix": "/live/", "upstream": "sockets", "token_from": {"subprotocol": "bearer"}},
            {"prefix": "/ending/", "upstream": "sockets", "at_expiry": "close"},
            {"prefix": "/cookie/", "upstream": "api", "token_from": {"cookie": "token"}},
        ],
    )


@pytest.fixture
def visit(browser):
    contexts = []

    def visit(url):
        contexts.append(browser.new_context())
        page = contexts[-1].new_page()
        page.goto(url)
        return page

    yield visit
    for context in contexts:
        context.close()


FETCH = """async ([url, options]) => {
    try {
        const response = await fetch(url, options);
        return [response.status, response.headers.get("www-authenticate"), (await response.text()).includes("mfa_missing")];
    } catch (error) {
        return [error.name];
    }
}"""


def fetch(page, gateway, path, **options):
    return page.evaluate(FETCH, [f"http://127.0.0.1:{gateway.port}{path}", options])


def bearer(token):
    return {"Authorization": f"Bearer {token}"}


def test_a_page_of_a_listed_origin_reads_responses_and_refusals(crossing, visit, origins, issuer, backend):
    page = visit(origins[0])
    for method in ("GET", "POST", "PATCH", "DELETE"):
        assert fetch(page, crossing, "/v1/x", method=method, headers=bearer(issuer.jane()))[0] == 200, method
    assert {seen.method for seen in backend.requests} == {"GET", "POST", "PATCH", "DELETE"}
    refused = fetch(page, crossing, "/v1/x", method="PUT", headers=bearer(issuer.john()))
    assert refused == [401, 'Bearer error="invalid_token"', True]
    assert fetch(page, crossing, "/v1/x", credentials="include")[:2] == [401, "Bearer"]
    assert fetch(page, crossing, "/without/x", headers=bearer(issuer.jane())) == ["TypeError"]


def test_a_page_of_another_origin_reads_nothing(crossing, visit, origins, issuer, backend):
    page = visit(origins[1])
    assert fetch(page, crossing, "/v1/x", headers=bearer(issuer.jane())) == ["TypeError"]
    assert fetch(page, crossing, "/v1/x") == ["TypeError"]
    assert backend.requests == []


SOCKET = """async ([url, protocols]) => {
    const socket = new WebSocket(url, protocols);
    return await new Promise((resolve) => {
        socket.onopen = () => socket.send("hello");
        socket.onmessage = (message) => { resolve([socket.protocol, message.data]); socket.close(); };
        socket.onclose = (event) => resolve(["closed", event.code]);
    });
}"""


def test_a_browser_sends_the_token_in_a_subprotocol(crossing, visit, origins, issuer, sockets):
    page, url = visit(origins[1]), f"ws://127.0.0.1:{crossing.port}/live/echo"
    assert page.evaluate(SOCKET, [url, ["bearer", issuer.jane()]]) == ["bearer", "hello"]
    assert page.evaluate(SOCKET, [url, ["bearer", issuer.john()]]) == ["closed", 1006]
    assert page.evaluate(SOCKET, [url, []]) == ["closed", 1006]
    assert len(sockets.handshakes) == 1
    assert "Sec-WebSocket-Protocol" not in sockets.handshakes[0].headers


def test_other_clients_send_the_token_in_a_subprotocol(crossing, issuer, sockets):
    url = f"ws://127.0.0.1:{crossing.port}/live/echo"
    with connect(url, subprotocols=["bearer", issuer.jane()], open_timeout=5, proxy=None) as socket:
        assert socket.subprotocol == "bearer"
        socket.send("hello")
        assert socket.recv(timeout=5) == "hello"
    for fields in ({}, bearer(issuer.jane())):
        with pytest.raises(InvalidStatus) as refusal:
            connect(url, additional_headers=fields, open_timeout=5, proxy=None)
        assert refusal.value.response.status_code == 401


def test_a_socket_closes_when_its_token_expires(crossing, issuer, sockets):
    url = f"ws://127.0.0.1:{crossing.port}/ending/echo"
    token = issuer.jane(exp=int(time.time()) - 57)  # within the clock skew of 60 s
    with connect(url, additional_headers=bearer(token), open_timeout=5, proxy=None) as socket:
        socket.send("hello")
        assert socket.recv(timeout=2) == "hello"
        with pytest.raises(ConnectionClosed):
            socket.recv(timeout=8)
    deadline = time.monotonic() + 5
    while "token_expired" not in crossing.log.read_text():
        assert time.monotonic() < deadline, "no log line says why"
        time.sleep(0.05)


def test_a_cookie_does_not_let_other_pages_change_anything(crossing, visit, origins, issuer, backend):
    page = visit(origins[1])
    page.context.add_cookies([{"name": "token", "value": issuer.jane(), "url": f"http://127.0.0.1:{crossing.port}"}])
    fetch(page, crossing, "/cookie/x", method="POST", mode="no-cors", credentials="include")
    assert backend.requests == []
    page.goto(f"http://127.0.0.1:{crossing.port}/cookie/page")
    assert fetch(page, crossing, "/cookie/x", method="POST")[0] == 200
    assert [seen.method for seen in backend.requests] == ["GET", "POST"]
