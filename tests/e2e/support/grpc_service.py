"""A gRPC service without generated code: its messages are bytes."""

import time
from concurrent.futures import ThreadPoolExecutor

import grpc

SERVICE = "contoso.Partners"


class Partners:
    def __init__(self):
        self.metadata: list[list[tuple[str, str]]] = []
        self.sent_at: list[float] = []
        self._server = grpc.server(ThreadPoolExecutor(8))
        handlers = {
            "Echo": grpc.unary_unary_rpc_method_handler(self._echo),
            "Fail": grpc.unary_unary_rpc_method_handler(self._fail),
            "Count": grpc.unary_stream_rpc_method_handler(self._count),
            "Chat": grpc.stream_stream_rpc_method_handler(self._chat),
        }
        self._server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(SERVICE, handlers)])
        self.port = self._server.add_insecure_port("127.0.0.1:0")
        self._server.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def forget(self):
        self.metadata, self.sent_at = [], []

    def close(self):
        self._server.stop(0.5).wait(5)

    def _remember(self, context):
        self.metadata.append([(item.key, item.value) for item in context.invocation_metadata()])

    def _echo(self, message, context):
        self._remember(context)
        context.set_trailing_metadata([("x-cost", str(len(message)))])
        return message

    def _fail(self, _message, context):
        self._remember(context)
        context.set_trailing_metadata([("x-hint", "look elsewhere")])
        context.abort(grpc.StatusCode.NOT_FOUND, "no such customer: Zoë")

    def _count(self, message, context):
        self._remember(context)
        for number in range(int(message)):
            self.sent_at.append(time.monotonic())
            yield str(number).encode()
            time.sleep(0.1)

    def _chat(self, messages, context):
        self._remember(context)
        for message in messages:
            yield b"you said " + message
