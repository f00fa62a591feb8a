"""Proxies that ask the gateway about each request. Both processes share the proxy's core and are measured as one."""

import subprocess
from pathlib import Path

from load import Outcome, h2load
from peers import Envoy, Gateway, Nginx
from processes import ENVIRONMENT, Failure, Process, Together, free_port, proxy_cores
from servers import render

SHIPPED = Path(__file__).parents[2] / "deploy" / "integrations"
# The service and the method of Envoy's external authorization.
CHECK = "/envoy.service.auth.v3.Authorization/Check"


class Asking:
    """Beside the proxy's process, one of the gateway with an authorizer of `kind`."""

    kind: str

    def begin(self, values: dict, settings, folder: Path) -> Process:
        ports = {name: free_port() for name in ("PORT", "PORT_TLS", "PORT_ADMIN", "PORT_AUTHORIZER")}
        values |= {"PORT_AUTHORIZER": ports["PORT_AUTHORIZER"], "AUTHORIZER_KIND": self.kind}
        own = folder / "gateway"
        own.mkdir()
        gateway = Gateway("gateway")
        command, environment = gateway.command({**values, **ports, "FOLDER": own}, settings, own)
        cores = proxy_cores(settings.threads)
        asked = Process("gateway", command, cores, folder / "gateway.log", environment)
        try:
            asked.wait_for_port(ports["PORT_AUTHORIZER"])
            return Together(super().begin(values, settings, folder), asked)
        except BaseException:
            asked.stop()
            raise


class EnvoyAsking(Asking, Envoy):
    kind = "envoy"

    def rules(self, values: dict) -> tuple[str, str]:
        return render("envoy-asking.yaml", values).rstrip(), render("envoy-asked.yaml", values).rstrip()


class NginxAsking(Asking, Nginx):
    kind = "nginx"

    def rules(self, values: dict, folder: Path) -> dict[str, str]:
        """The shipped files, as they are but for the port."""
        for file in (SHIPPED / "nginx").glob("mfa-gateway-*.conf"):
            (folder / file.name).write_text(file.read_text().replace("127.0.0.1:9192", f"127.0.0.1:{values['PORT_AUTHORIZER']}"))
        return {"HTTP_RULES": "include mfa-gateway-http.conf;", "SERVER_RULES": "include mfa-gateway-server.conf;", "FIELDS": ""}


ASKING = [
    EnvoyAsking("envoy-asking"),
    NginxAsking("nginx-asking", packages=("nginx",), program="nginx"),
]


def check(port: int, token: str, connections: int, checks: int, seconds: int, folder: Path) -> Outcome:
    """Envoy's question about one request, put to an authorizer by h2load: so many connections of so many at once."""
    question, url = folder / "question.bin", f"http://127.0.0.1:{port}{CHECK}"
    question.write_bytes(frame(check_request("/v1/customers", token)))
    fields = [f"--header={field}" for field in ("content-type: application/grpc", "te: trailers")]
    once = ["nghttp", f"--data={question}", *fields, url]
    answer = subprocess.run(once, capture_output=True, timeout=20, env=ENVIRONMENT).stdout
    if b"x-auth-request-user" not in answer.lower():
        raise Failure(f"the authorizer permits no good token: {answer!r}")
    return h2load(url, connections, checks, seconds, folder / "h2load.tsv", [*fields, f"--data={question}"], len(answer))


def frame(message: bytes) -> bytes:
    """gRPC's, of a message that isn't compressed."""
    return b"\0" + len(message).to_bytes(4, "big") + message


def check_request(path: str, token: str) -> bytes:
    """`envoy.service.auth.v3.CheckRequest`, with the fields as `encode_raw_headers` sends them."""
    fields = {
        ":authority": "api.example", ":path": path, ":method": "GET", ":scheme": "https", "accept": "*/*",
        "user-agent": "load/1.0", "x-forwarded-proto": "https",
        "x-request-id": "a7a1c8c4-61f5-4d6e-9c0e-57c3c7b6a2b4", "authorization": f"Bearer {token}",
    }
    header_map = b"".join(_member(1, _member(1, name) + _member(3, value)) for name, value in fields.items())
    http = b"".join([_member(2, "GET"), _member(4, path), _member(5, "api.example"), _member(6, "https"),
                     _member(10, "HTTP/1.1"), _member(13, header_map)])
    return _member(1, _member(4, _member(2, http)))


def _member(number: int, value: bytes | str) -> bytes:
    """A field of a protobuf message that has a length."""
    value = value.encode() if isinstance(value, str) else value
    return _varint(number << 3 | 2) + _varint(len(value)) + value


def _varint(number: int) -> bytes:
    rest = b""
    while number > 127:
        rest += bytes([number & 127 | 128])
        number >>= 7
    return rest + bytes([number])
