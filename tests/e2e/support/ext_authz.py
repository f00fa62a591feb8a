"""Envoy's `ext_authz` v3 and `grpc.health.v1` as Envoy speaks them, with messages made at run time from their fields."""

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

CHECK = "/envoy.service.auth.v3.Authorization/Check"
HEALTH = "/grpc.health.v1.Health/Check"
WATCH = "/grpc.health.v1.Health/Watch"

STRING, BYTES, INT32, UINT32, INT64, BOOL, MESSAGE = 9, 12, 5, 13, 3, 8, 11

# Enumerations are numbers here, which have the same encoding.
MESSAGES = {
    "CheckRequest": [("attributes", 1, "Attributes")],
    "Attributes": [("source", 1, "Peer"), ("destination", 2, "Peer"), ("request", 4, "Request"),
                   ("context_extensions", 10, "Entry*")],
    "Peer": [("address", 1, "Address"), ("principal", 4, STRING), ("certificate", 5, STRING)],
    "Address": [("socket_address", 1, "SocketAddress")],
    "SocketAddress": [("address", 2, STRING), ("port_value", 3, UINT32)],
    "Request": [("http", 2, "Http")],
    "Http": [("id", 1, STRING), ("method", 2, STRING), ("headers", 3, "Entry*"), ("path", 4, STRING), ("host", 5, STRING),
             ("scheme", 6, STRING), ("query", 7, STRING), ("fragment", 8, STRING), ("size", 9, INT64), ("protocol", 10, STRING),
             ("body", 11, STRING), ("raw_body", 12, BYTES), ("header_map", 13, "HeaderMap")],
    "Entry": [("key", 1, STRING), ("value", 2, STRING)],
    "HeaderMap": [("headers", 1, "Header*")],
    "Header": [("key", 1, STRING), ("value", 2, STRING), ("raw_value", 3, BYTES)],
    "CheckResponse": [("status", 1, "Status"), ("denied", 2, "Denied"), ("ok", 3, "Ok")],
    "Status": [("code", 1, INT32), ("message", 2, STRING)],
    "Denied": [("status", 1, "HttpStatus"), ("headers", 2, "Option*"), ("body", 3, STRING)],
    "HttpStatus": [("code", 1, INT32)],
    "Ok": [("headers", 2, "Option*"), ("remove", 5, "STRING*"), ("to_client", 6, "Option*")],
    "Option": [("header", 1, "Header"), ("append", 2, "Bool"), ("action", 3, INT32)],
    "Bool": [("value", 1, BOOL)],
    "HealthRequest": [("service", 1, STRING)],
    "HealthResponse": [("status", 1, INT32)],
}


def _build() -> dict:
    file = descriptor_pb2.FileDescriptorProto(name="ext_authz.proto", package="e2e", syntax="proto3")
    for name, fields in MESSAGES.items():
        message = file.message_type.add(name=name)
        for field, number, kind in fields:
            added = message.field.add(name=field, number=number, label=1)
            if isinstance(kind, int):
                added.type = kind
                continue
            if kind.endswith("*"):
                added.label, kind = 3, kind[:-1]
            if kind == "STRING":
                added.type = STRING
            else:
                added.type, added.type_name = MESSAGE, f".e2e.{kind}"
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"e2e.{name}")) for name in MESSAGES}


KINDS = _build()
Http, Header = KINDS["Http"], KINDS["Header"]

# What a field does to those of its name: `append_action`.
APPEND, OVERWRITE = 0, 2


def question(method="GET", path="/v1/customers", fields=(), raw=False, source="192.0.2.7", host="api.example",
             scheme="https", **http):
    """A question as Envoy asks it: `fields` are pairs, joined by commas unless `raw`."""
    request = KINDS["CheckRequest"]()
    asked = request.attributes.request.http
    for name, value in {"method": method, "path": path, "host": host, "scheme": scheme, "protocol": "HTTP/1.1", **http}.items():
        setattr(asked, name, value)
    pseudo = [(":method", method), (":path", path), (":authority", host), (":scheme", scheme)]
    if raw:
        for name, value in [*pseudo, *fields]:
            value = value if isinstance(value, bytes) else value.encode()
            asked.header_map.headers.add(key=name.lower(), raw_value=value)
    else:
        joined = {}
        for name, value in [*pseudo, *fields]:
            name, between = name.lower(), "; " if name.lower() == "cookie" else ","
            joined[name] = f"{joined[name]}{between}{value}" if name in joined else value
        for name, value in joined.items():
            asked.headers.add(key=name, value=value)
    if source:
        request.attributes.source.address.socket_address.address = source
        request.attributes.source.address.socket_address.port_value = 4711
    return request


class Verdict:
    """An answer, as Envoy applies it."""

    def __init__(self, message):
        self.code = message.status.code
        self.allowed = self.code == 0
        self.denied, self.ok = message.denied, message.ok
        self.is_denial = message.HasField("denied")
        self.is_permit = message.HasField("ok")

    @property
    def status(self) -> int:
        return self.denied.status.code

    def all(self, name: str) -> list[str]:
        """A field's values in the response to the client of a refused request."""
        return [one.header.value for one in self.denied.headers if one.header.key == name]

    def header(self, name: str) -> str | None:
        return next(iter(self.all(name)), None)

    def upstream(self, fields=()) -> list[tuple[str, str]]:
        """The fields that the backend receives, by the rules of a release of Envoy that goes by `append` alone."""
        kept = [(name.lower(), value) for name, value in fields]
        for one in self.ok.headers:
            assert one.HasField("append") and not one.append.value and one.action == OVERWRITE, one
            kept = [(name, value) for name, value in kept if name != one.header.key]
            kept.append((one.header.key, one.header.value))
        return [(name, value) for name, value in kept if name not in set(self.ok.remove)]

    def to_client(self) -> dict[str, str]:
        return {one.header.key: one.header.value for one in self.ok.to_client}


class Envoy:
    """A connection of Envoy's to an authorizer."""

    def __init__(self, port: int, **options):
        options = {"grpc.enable_http_proxy": 0, "grpc.enable_retries": 0, **options}
        self.channel = grpc.insecure_channel(f"127.0.0.1:{port}", options=list(options.items()))
        serialize = lambda message: message if isinstance(message, bytes) else message.SerializeToString()  # noqa: E731
        make = self.channel.unary_unary
        self.send = make(CHECK, serialize, lambda answer: Verdict(KINDS["CheckResponse"].FromString(answer)))
        self.health = make(HEALTH, serialize, KINDS["HealthResponse"].FromString)
        self.watch = self.channel.unary_stream(WATCH, serialize, KINDS["HealthResponse"].FromString)

    def ask(self, *args, timeout=5, **kwargs) -> Verdict:
        return self.send(question(*args, **kwargs), timeout=timeout)

    def close(self):
        self.channel.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def health_request(service: str = ""):
    return KINDS["HealthRequest"](service=service)
