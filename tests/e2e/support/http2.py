"""HTTP/2 with prior knowledge or over TLS: one request on a connection of its own, with the `h2` library."""

import socket

import h2.config
import h2.connection
import h2.events

from support.http1 import Fields, Response

AUTHORITY = "api.contoso.example"


def call(port: int, path: str, token: str | None = None, method: str = "GET", headers=(), body=b"") -> Response:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as stream:
        return call_over(stream, path, token, method, headers, body)


def call_over(stream, path: str, token: str | None = None, method: str = "GET", headers=(), body=b"") -> Response:
    """One request on a connection that was made already, perhaps with TLS."""
    fields = [(":method", method), (":scheme", "http"), (":authority", AUTHORITY), (":path", path)]
    if token is not None:
        fields.append(("authorization", f"Bearer {token}"))
    # Header checks are off so that a test may send what a good client never would.
    config = h2.config.H2Configuration(
        header_encoding="latin-1", validate_outbound_headers=False, normalize_outbound_headers=False
    )
    connection = h2.connection.H2Connection(config)
    connection.initiate_connection()
    connection.send_headers(1, [*fields, *headers], end_stream=not body)
    if body:
        connection.send_data(1, body, end_stream=True)
    stream.sendall(connection.data_to_send())
    return _receive(connection, stream)


def _receive(connection: h2.connection.H2Connection, stream: socket.socket) -> Response:
    response = Response("", Fields())
    while data := stream.recv(65536):
        for event in connection.receive_data(data):
            match event:
                case h2.events.ResponseReceived():
                    fields = Fields(event.headers)
                    response.fields = Fields(pair for pair in fields if not pair[0].startswith(":"))
                    response.status_line = f"HTTP/2 {fields.one(':status')}"
                case h2.events.DataReceived():
                    response.body += event.data
                    connection.acknowledge_received_data(event.flow_controlled_length, 1)
                case h2.events.TrailersReceived():
                    response.trailers = Fields(event.headers)
                case h2.events.StreamEnded():
                    return response
                case h2.events.StreamReset() | h2.events.ConnectionTerminated():
                    raise ConnectionResetError(event)
        stream.sendall(connection.data_to_send())
    raise ConnectionResetError("closed before the answer's end")
