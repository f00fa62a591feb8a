"""A WebSocket server that echoes, and remembers who shook hands with it."""

from threading import Thread

from websockets.sync.server import serve


class EchoSockets:
    def __init__(self):
        self.handshakes = []
        self._server = serve(self._echo, "127.0.0.1", 0, process_request=self._remember, max_size=2**22)
        self.port = self._server.socket.getsockname()[1]
        Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def forget(self):
        self.handshakes = []

    def close(self):
        self._server.shutdown()

    def _remember(self, _connection, request):
        self.handshakes.append(request)

    @staticmethod
    def _echo(connection):
        for message in connection:
            connection.send(message)
