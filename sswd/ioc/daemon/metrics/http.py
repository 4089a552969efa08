"""Answers GET /metrics, to few clients at a time, each within a time.

prometheus-client has a server, which gives each connection a thread without a bound;
here a connection that says nothing costs nothing.

Threading model: the loop's own; the text is made on the thread "sswd-metrics".
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import Metric
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from sswd.ioc.daemon.metrics.families import families
from sswd.ioc.daemon.metrics.sample import Sample

log = logging.getLogger("sswd.ioc")

CLIENTS = 8
WAIT_S = 10.0
LONGEST_HEAD = 8192
PATHS = ("/metrics", "/")


class MetricsServer:
    """Serves what `take` finds, which is called on the loop."""

    def __init__(self, host: str, port: int, take: Callable[[], Sample]) -> None:
        self._host, self._port = host, port
        self._take = take
        self._clients: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self._maker = ThreadPoolExecutor(1, thread_name_prefix="sswd-metrics")
        self._registry = CollectorRegistry(auto_describe=False)
        self._process = ProcessCollector(registry=None)

    async def open(self) -> None:
        """Listen until `close`. An address that is taken is told; CA goes on."""
        try:
            self._server = await asyncio.start_server(
                self._on_client, self._host, self._port, limit=LONGEST_HEAD
            )
        except OSError as error:
            text = "no metrics: cannot listen at %s:%d: %s; choose another address in "
            text += "[metrics] listen"
            log.error(text, self._host, self._port, error.strerror or error)
        else:
            log.info("metrics at http://%s:%d/metrics", self._host, self.port)

    @property
    def port(self) -> int:
        """Where it listens."""
        assert self._server is not None
        return int(self._server.sockets[0].getsockname()[1])

    async def close(self) -> None:
        """Hang up."""
        if self._server is not None:
            self._server.close()
        for task in self._clients:
            task.cancel()
        if self._clients:
            await asyncio.wait(self._clients)
        self._maker.shutdown(wait=False)

    def _on_client(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        if len(self._clients) >= CLIENTS:
            writer.transport.abort()
            return
        task = asyncio.get_running_loop().create_task(self._serve(reader, writer))
        self._clients.add(task)
        task.add_done_callback(self._clients.discard)

    async def _serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        try:
            with contextlib.suppress(OSError, EOFError, TimeoutError):
                async with asyncio.timeout(WAIT_S):
                    writer.write(await self._answer(reader))
                    await writer.drain()
                    writer.close()
                    await writer.wait_closed()
        finally:
            writer.transport.abort()

    async def _answer(self, reader: asyncio.StreamReader) -> bytes:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.LimitOverrunError:
            return _response(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, b"")
        words = head.split(b"\r\n", 1)[0].decode("latin-1").split()
        if len(words) != 3 or not words[2].startswith("HTTP/1."):
            return _response(HTTPStatus.BAD_REQUEST, b"")
        if words[0] not in ("GET", "HEAD"):
            return _response(HTTPStatus.METHOD_NOT_ALLOWED, b"")
        if words[1].partition("?")[0] not in PATHS:
            return _response(HTTPStatus.NOT_FOUND, b"see /metrics\n")
        sample = self._take()
        loop = asyncio.get_running_loop()
        text = await loop.run_in_executor(self._maker, self._text, sample)
        return _response(HTTPStatus.OK, text, has_body=words[0] == "GET")

    def _text(self, sample: Sample) -> bytes:
        """On the thread of its own."""
        registry = CollectorRegistry(auto_describe=False)
        registry.register(_Once(sample))
        registry.register(self._process)
        return generate_latest(registry)


class _Once(Collector):
    def __init__(self, sample: Sample) -> None:
        self._sample = sample

    def collect(self) -> Iterator[Metric]:
        yield from families(self._sample)


def _response(status: HTTPStatus, body: bytes, *, has_body: bool = True) -> bytes:
    kind = CONTENT_TYPE_LATEST if status is HTTPStatus.OK else "text/plain"
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: {kind}\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + (body if has_body else b"")
