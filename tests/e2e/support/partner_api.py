"""A partner API with many customers, which notes each request and answers as a test wants."""

import json
import threading
import time
import uuid
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

ITEM = {"attributes": {"objectType": "Customer"}, "relationshipToPartner": "reseller"}


@dataclass(frozen=True)
class Asked:
    """A request."""

    at: float
    method: str
    path: str
    authorization: str
    continuation: str
    body: dict | None

    @property
    def customer(self) -> str:
        """The customer that it is about; empty for the list."""
        parts = urlsplit(self.path).path.split("/")
        return parts[3] if len(parts) > 4 else ""


def guid(number: int) -> str:
    return str(uuid.UUID(int=(0x4D3CF487 << 96) | (4 << 76) | (8 << 60) | number))


class PartnerApi:
    """`consented` has the body that each customer has consented to."""

    def __init__(self, customers: int = 0, page: int = 100):
        self.customers, self.page = [guid(number) for number in range(customers)], page
        self.consented: dict[str, dict] = {}
        self.asked: list[Asked] = []
        # A test's own answer to a request: (status, document) or (status, document, fields); None for the usual one.
        self.instead = lambda asked: None
        # How long an answer takes.
        self.latency = 0.0
        self._lock = threading.Lock()
        api = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                api._answer(self)

            do_POST = do_DELETE = do_GET

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        # A client that dies is what some tests are about.
        self._server.handle_error = lambda *_: None
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self):
        self._server.shutdown()
        self._server.server_close()

    def writes(self, method: str | None = None) -> list[Asked]:
        """The requests about single customers, in their order."""
        return [asked for asked in list(self.asked) if asked.customer and method in (None, asked.method)]

    def fastest(self) -> int:
        """The most requests within any second."""
        times, most, first = sorted(asked.at for asked in list(self.asked)), 0, 0
        for last, at in enumerate(times):
            while times[first] <= at - 1:
                first += 1
            most = max(most, last - first + 1)
        return most

    def _answer(self, handler):
        body = handler.rfile.read(int(handler.headers.get("Content-Length", 0)))
        asked = Asked(
            time.monotonic(), handler.command, handler.path, handler.headers.get("Authorization", ""),
            handler.headers.get("MS-ContinuationToken", ""), json.loads(body) if body else None,
        )
        with self._lock:
            self.asked.append(asked)
        time.sleep(self.latency)
        status, document, *fields = self.instead(asked) or self._usual(asked)
        content = document if isinstance(document, bytes) else json.dumps(document).encode()
        try:
            handler.send_response(status)
            for name, value in (fields[0] if fields else {}).items():
                handler.send_header(name, value)
            if status != 204:
                handler.send_header("Content-Type", "application/json")
                handler.send_header("Content-Length", str(len(content)))
            handler.end_headers()
            if status != 204:
                handler.wfile.write(content)
        except OSError:
            pass

    def _usual(self, asked: Asked):
        customer = asked.customer
        with self._lock:
            if not customer:
                return self._list(asked)
            if customer not in self.customers:
                return 404, {"code": 600009, "description": "The customer was not found."}
            if asked.method == "POST":
                if customer in self.consented:
                    return 409, {"code": 2009, "description": "Permission entry already exists."}
                self.consented[customer] = asked.body
                return 201, asked.body
            if self.consented.pop(customer, None) is None:
                return 404, {"code": 1000, "description": "The application consent was not found."}
            return 204, {}

    def _list(self, asked: Asked):
        query = parse_qs(urlsplit(asked.path).query)
        start = int(asked.continuation or 0) if "seekOperation" in query else 0
        part = self.customers[start:start + self.page]
        items = [{**ITEM, "id": id, "companyProfile": {"tenantId": id, "companyName": f"Customer {id[-4:]}"}} for id in part]
        links = {}
        if start + self.page < len(self.customers):
            token = [{"key": "MS-ContinuationToken", "value": str(start + self.page)}]
            links["next"] = {"uri": "/customers?size=100&seekOperation=Next", "method": "GET", "headers": token}
        return 200, {"totalCount": len(items), "items": items, "links": links, "attributes": {"objectType": "Collection"}}
