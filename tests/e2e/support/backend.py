"""A backend that records every byte it gets and answers in every way a real one might.

The last segment of the path chooses the behaviour: `/v1/sse` streams events, `/v1/silent` never answers. Any other
path gets 200 and a summary of the request.
"""

import asyncio
import hashlib
import json
import socket
import time
from dataclasses import dataclass, field
from threading import Thread

from support.http1 import Fields

BLOCK = bytes(range(256)) * 256  # 64 KiB
DOWNLOAD_BLOCKS = 1600  # 100 MiB in all


@dataclass
class Recorded:
    """A request as it came: its head byte for byte, and its body without the framing."""

    head: bytes
    body: bytes = b""
    body_size: int = 0
    trailers: Fields = field(default_factory=Fields)
    cut_short: bool = False

    @property
    def line(self) -> str:
        return self.head.split(b"\r\n")[0].decode("latin-1")

    @property
    def method(self) -> str:
        return self.line.split(" ")[0]

    @property
    def target(self) -> str:
        return self.line.split(" ")[1]

    @property
    def fields(self) -> Fields:
        return Fields.parse(self.head.split(b"\r\n")[1:])


class Backend:
    """The server, in a thread of its own."""

    def __init__(self):
        self.requests: list[Recorded] = []
        self.bytes_received = 0
        self.bytes_sent = 0
        self.event_times: list[float] = []
        self._answering = 0
        self._loop = asyncio.new_event_loop()
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        self.port = self._socket.getsockname()[1]
        self._tasks: set[asyncio.Task] = set()
        Thread(target=self._run, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def only_request(self) -> Recorded:
        assert len(self.requests) == 1, [request.line for request in self.requests]
        return self.requests[0]

    @property
    def saw_nothing(self) -> bool:
        return self.bytes_received == 0

    def forget(self):
        # What an earlier test left in the sockets still arrives: wait it out, so that it isn't taken for this one's.
        deadline = time.monotonic() + 10
        while self._answering and time.monotonic() < deadline:
            time.sleep(0.02)
        self.requests, self.event_times = [], []
        self.bytes_received = self.bytes_sent = 0

    def close(self):
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(5)
        self._loop.call_soon_threadsafe(self._loop.stop)

    def _run(self):
        asyncio.set_event_loop(self._loop)
        self._server = self._loop.run_until_complete(self._loop.create_server(self._protocol, sock=self._socket))
        self._loop.run_forever()

    async def _stop(self):
        self._server.close()
        for task in self._tasks:
            task.cancel()

    def _protocol(self) -> asyncio.StreamReaderProtocol:
        return asyncio.StreamReaderProtocol(_CountingReader(self), self._accept)

    async def _accept(self, reader, writer):
        task = asyncio.current_task()
        self._tasks.add(task)
        writer.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65536)
        request = None
        try:
            while head := await _head(reader):
                request = Recorded(head)
                self.requests.append(request)
                self._answering += 1
                try:
                    await self._answer(_Exchange(self, request, reader, writer))
                finally:
                    self._answering -= 1
        except (ConnectionError, asyncio.IncompleteReadError):
            if request:
                request.cut_short = True
        except asyncio.CancelledError:
            pass
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _answer(self, exchange: "_Exchange"):
        path = exchange.request.target.split("?")[0]
        behaviour = getattr(self, "_on_" + path.rsplit("/", 1)[-1].replace("-", "_"), self._summary)
        await behaviour(exchange)

    async def _summary(self, exchange):
        await exchange.read_body()
        request = exchange.request
        digest = hashlib.sha256(request.body).hexdigest()
        summary = {"line": request.line, "body_size": request.body_size, "body_sha256": digest}
        await exchange.whole(200, json.dumps(summary).encode(), "Content-Type: application/json")

    async def _on_slow(self, exchange):
        await asyncio.sleep(1)
        await exchange.whole(200, b"worth the wait")

    async def _on_silent(self, exchange):
        await exchange.reader.read(1)

    async def _on_garbage(self, exchange):
        await exchange.send(b"220 smtp.contoso.example ESMTP secret-build-17\r\n")
        exchange.writer.close()

    async def _on_refuses(self, exchange):
        await exchange.whole(401, b"not you", 'WWW-Authenticate: Basic realm="backend"')

    async def _on_broken(self, exchange):
        await exchange.whole(500, b"out of order")

    async def _on_head_only(self, exchange):
        await exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1234\r\nX-Kind: head\r\n\r\n")

    async def _on_empty(self, exchange):
        await exchange.send(b"HTTP/1.1 204 No Content\r\n\r\n")

    async def _on_hop_by_hop(self, exchange):
        await exchange.whole(
            200, b"ok", "Connection: keep-alive, X-Internal", "X-Internal: secret", "Keep-Alive: timeout=5",
            "Proxy-Connection: keep-alive", "X-Kept: yes", "Set-Cookie: a=1", "Set-Cookie: b=2",
        )

    async def _on_chunked(self, exchange):
        await exchange.head("Transfer-Encoding: chunked")
        for word in (b"one ", b"two ", b"three"):
            await exchange.chunk(word)
        await exchange.send(b"0\r\n\r\n")

    async def _on_trailers(self, exchange):
        await exchange.head("Transfer-Encoding: chunked", "Trailer: X-Checksum")
        await exchange.chunk(b"counted")
        await exchange.send(b"0\r\nX-Checksum: 7\r\n\r\n")

    async def _on_early_hints(self, exchange):
        await exchange.send(b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload; as=style\r\n\r\n")
        await asyncio.sleep(0.1)
        await exchange.whole(200, b"the page")

    async def _on_sse(self, exchange):
        await exchange.head("Content-Type: text/event-stream", "Cache-Control: no-cache", "Transfer-Encoding: chunked")
        for number in range(6):
            self.event_times.append(time.monotonic())
            await exchange.chunk(f"data: {number}\n\n".encode())
            await asyncio.sleep(0.25)
        await exchange.send(b"0\r\n\r\n")

    async def _on_download(self, exchange):
        await exchange.head(f"Content-Length: {DOWNLOAD_BLOCKS * len(BLOCK)}")
        for _ in range(DOWNLOAD_BLOCKS):
            await exchange.send(BLOCK)

    async def _on_endless(self, exchange):
        await exchange.head("Transfer-Encoding: chunked")
        while True:
            await exchange.chunk(BLOCK)

    async def _on_slow_upload(self, exchange):
        """Takes in at most 64 KiB every 50 ms, for as long as there is more."""
        async for data in exchange.body_parts():
            exchange.request.body_size += len(data)
            await asyncio.sleep(0.05)
        await exchange.whole(200, str(exchange.request.body_size).encode())


class _CountingReader(asyncio.StreamReader):
    """Counts the bytes that arrive, whether they are ever read or not."""

    def __init__(self, backend: Backend):
        super().__init__()
        self._backend = backend

    def feed_data(self, data):
        self._backend.bytes_received += len(data)
        super().feed_data(data)


@dataclass
class _Exchange:
    backend: Backend
    request: Recorded
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def send(self, data: bytes):
        self.writer.write(data)
        await self.writer.drain()
        self.backend.bytes_sent += len(data)

    async def head(self, *lines: str, status: int = 200):
        await self.send("\r\n".join([f"HTTP/1.1 {status} Answer", *lines, "", ""]).encode())

    async def chunk(self, data: bytes):
        await self.send(b"%x\r\n%s\r\n" % (len(data), data))

    async def whole(self, status: int, body: bytes, *lines: str):
        await self.head(*lines, f"Content-Length: {len(body)}", status=status)
        await self.send(body if self.request.method != "HEAD" else b"")

    async def read_body(self):
        async for data in self.body_parts():
            self.request.body += data
        self.request.body_size = len(self.request.body)

    async def body_parts(self):
        fields = self.request.fields
        if fields.all("Expect") == ["100-continue"]:
            await self.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        if fields.all("Transfer-Encoding") == ["chunked"]:
            while size := int((await self.reader.readuntil(b"\r\n")).split(b";")[0], 16):
                yield await self.reader.readexactly(size)
                await self.reader.readexactly(2)
            lines = []
            while (line := await self.reader.readuntil(b"\r\n")) != b"\r\n":
                lines.append(line[:-2])
            self.request.trailers = Fields.parse(lines)
            return
        left = int(fields.one("Content-Length")) if "Content-Length" in fields else 0
        while left:
            data = await self.reader.read(min(left, 65536))
            if not data:
                raise ConnectionResetError("cut short")
            left -= len(data)
            yield data


async def _head(reader: asyncio.StreamReader) -> bytes:
    """The next request's head without its blank line; nothing when the connection is over."""
    try:
        return (await reader.readuntil(b"\r\n\r\n"))[:-4]
    except asyncio.IncompleteReadError as end:
        if end.partial:
            raise
        return b""
