"""HTTP/1.1 by hand: a client that shows every byte of an answer, and the message syntax it shares with the backend."""

import socket
import ssl
from dataclasses import dataclass, field


class Fields(list):
    """Header fields in the order of the wire, as (name, value) of text."""

    @classmethod
    def parse(cls, lines: list[bytes]) -> "Fields":
        pairs = (line.decode("latin-1").split(":", 1) for line in lines if line)
        return cls((name, value.strip(" \t")) for name, value in pairs)

    def all(self, name: str) -> list[str]:
        return [value for key, value in self if key.lower() == name.lower()]

    def one(self, name: str) -> str:
        """The value of a field that must be there exactly once."""
        values = self.all(name)
        assert len(values) == 1, f"{name}: {values or 'absent'} in {self}"
        return values[0]

    def __contains__(self, name) -> bool:
        return bool(self.all(name))


@dataclass
class Response:
    """An answer, with the interim ones that came before it."""

    status_line: str
    fields: Fields
    body: bytes = b""
    trailers: Fields = field(default_factory=Fields)
    interim: list["Response"] = field(default_factory=list)

    @property
    def status(self) -> int:
        return int(self.status_line.split(" ")[1])


def request(method: str, target: str, token: str | None = None, headers=(), body: bytes | None = None) -> bytes:
    """The bytes of a request: exactly the target and the fields given, `Host` unless it is among them."""
    lines = [f"{method} {target} HTTP/1.1"]
    if not any(name.lower() == "host" for name, _ in headers):
        lines.append("Host: api.contoso.example")
    if token is not None:
        lines.append(f"Authorization: Bearer {token}")
    lines += [f"{name}: {value}" for name, value in headers]
    if body is not None:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + (body or b"")


class Connection:
    """One client connection. With `tls`, the certificate must be that of localhost."""

    def __init__(self, port: int, timeout: float = 10, receive_buffer: int | None = None, tls: ssl.SSLContext | None = None):
        self.socket = socket.socket()
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(timeout)
        self.socket.connect(("127.0.0.1", port))
        if tls:
            self.socket = tls.wrap_socket(self.socket, server_hostname="localhost")
        self._read = self.socket.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *_error):
        self._read.close()
        self.socket.close()

    def send(self, data: bytes):
        self.socket.sendall(data)

    def line(self) -> bytes:
        line = self._read.readline()
        assert line.endswith(b"\r\n"), f"the connection ended in the middle of a message: {line!r}"
        return line[:-2]

    def head(self) -> Response:
        status_line = self.line().decode("latin-1")
        return Response(status_line, self._fields())

    def response(self, method: str = "GET") -> Response:
        """Reads the interim answers and the final one, by its own framing."""
        interim = []
        while (response := self.head()).status < 200 and response.status != 101:
            interim.append(response)
        response.interim = interim
        if method != "HEAD" and response.status not in (101, 204, 304):
            self._body(response)
        return response

    def chunk(self) -> bytes:
        """The next chunk of a chunked body; the last is empty."""
        data = self._exactly(int(self.line().split(b";")[0], 16))
        if data:
            assert self.line() == b""
        return data

    def is_over(self) -> bool:
        """Waits for more, and tells whether the other side closed instead."""
        try:
            return not self._read.peek(1)
        except ConnectionError:
            return True

    def _body(self, response: Response):
        if "Transfer-Encoding" in response.fields:
            assert response.fields.one("Transfer-Encoding") == "chunked"
            assert "Content-Length" not in response.fields
            while data := self.chunk():
                response.body += data
            response.trailers = self._fields()
        elif "Content-Length" in response.fields:
            response.body = self._exactly(int(response.fields.one("Content-Length")))
        else:
            response.body = self._read.read()

    def _fields(self) -> Fields:
        lines = []
        while line := self.line():
            lines.append(line)
        return Fields.parse(lines)

    def _exactly(self, size: int) -> bytes:
        data = self._read.read(size)
        assert len(data) == size, f"{len(data)} of {size} bytes"
        return data


def call(port: int, target: str, token: str | None = None, method: str = "GET", headers=(), body=None) -> Response:
    """One request on a connection of its own."""
    with Connection(port) as connection:
        connection.send(request(method, target, token, headers, body))
        return connection.response(method)
