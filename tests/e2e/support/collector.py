"""An OpenTelemetry collector on loopback, over HTTP and gRPC, that decodes spans with OpenTelemetry's own messages."""

import time
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Condition, Thread

import grpc
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest, ExportTraceServiceResponse
from opentelemetry.proto.trace.v1.trace_pb2 import Span

METHOD = "opentelemetry.proto.collector.trace.v1.TraceService"


class Seen:
    """A span, its ids as they are written."""

    def __init__(self, span: Span, resource: dict):
        self.name, self.kind, self.resource = span.name, Span.SpanKind.Name(span.kind), resource
        self.trace_id, self.span_id, self.parent = span.trace_id.hex(), span.span_id.hex(), span.parent_span_id.hex()
        self.state, self.failed = span.trace_state, span.status.code == 2
        self.start, self.end = span.start_time_unix_nano, span.end_time_unix_nano
        self.attributes = attributes(span.attributes)


def attributes(pairs) -> dict:
    return {pair.key: getattr(pair.value, pair.value.WhichOneof("value")) for pair in pairs}


class Collector:
    def __init__(self):
        self.spans: list[Seen] = []
        self.headers: list[dict[str, str]] = []
        self.raw = b""
        # What the next exports are answered: an HTTP status, or a gRPC code; then they are taken.
        self.failures: list = []
        self._arrived = Condition()
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        Thread(target=self._http.serve_forever, args=(0.05,), daemon=True).start()
        self._grpc = grpc.server(ThreadPoolExecutor(4))
        handlers = {"Export": grpc.unary_unary_rpc_method_handler(self._export)}
        self._grpc.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(METHOD, handlers)])
        self._grpc_port = self._grpc.add_insecure_port("127.0.0.1:0")
        self._grpc.start()

    def url(self, protocol: str) -> str:
        return f"http://127.0.0.1:{self._http.server_port if protocol == 'http' else self._grpc_port}"

    def wait(self, count: int, within: float = 8) -> list[Seen]:
        """The spans, once there are so many."""
        end = time.monotonic() + within
        with self._arrived:
            while len(self.spans) < count:
                left = end - time.monotonic()
                assert left > 0, f"{len(self.spans)} of {count} spans came: {[span.name for span in self.spans]}"
                self._arrived.wait(left)
            return list(self.spans)

    def close(self):
        self._http.shutdown()
        self._http.server_close()
        self._grpc.stop(0).wait(5)

    def _take(self, message: bytes, headers: dict[str, str]) -> bytes:
        request = ExportTraceServiceRequest.FromString(message)
        with self._arrived:
            self.raw += message
            self.headers.append(headers)
            for group in request.resource_spans:
                resource = attributes(group.resource.attributes)
                self.spans += [Seen(span, resource) for scope in group.scope_spans for span in scope.spans]
            self._arrived.notify_all()
        return ExportTraceServiceResponse().SerializeToString()

    def _export(self, message, context):
        if self.failures:
            context.abort(self.failures.pop(0), "not now")
        return self._take(message, {item.key: item.value for item in context.invocation_metadata()})

    def _handler(self):
        collector = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                message = self.rfile.read(int(self.headers["Content-Length"]))
                status, answer = 200, b""
                if collector.failures:
                    status = collector.failures.pop(0)
                elif self.path != "/v1/traces" or self.headers["Content-Type"] != "application/x-protobuf":
                    status = 404
                else:
                    answer = collector._take(message, {name.lower(): value for name, value in self.headers.items()})
                self.send_response(status)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_):
                pass

        return Handler
