"""Metrics: names and units of Prometheus' conventions, few clients, none that hangs."""

import asyncio
import contextlib
import re
from dataclasses import replace

import pytest
from prometheus_client.parser import text_string_to_metric_families

from sswd.ioc.ca import Counts
from sswd.ioc.daemon.metrics import http
from sswd.ioc.daemon.metrics.families import CA, families
from sswd.ioc.daemon.metrics.http import MetricsServer
from sswd.ioc.daemon.metrics.sample import NOW, Sample, SystemSample

STAGE = SystemSample(
    name="stage",
    posts=7,
    post_s=0.5,
    refused=1,
    conflated=2,
    commands={"DONE": 3, "FAILED": 1},
    waiting=4,
    is_running=True,
    is_stalled=False,
    restarts=5,
    memory_bytes=3.5e7,
    uptime_s=60.0,
    is_link_ok=False,
    link_failures=6,
)
SAMPLE = Sample("0.1.0", "LAB:", 0.002, dict.fromkeys(CA, 1), [STAGE])
UNITS = re.compile(r"_(total|bytes|seconds|info|ok|running|stalled|waiting)$")


def get(path: str = "/metrics", method: str = "GET") -> bytes:
    return f"{method} {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode()


@pytest.fixture
async def server():
    made = MetricsServer("127.0.0.1", 0, lambda: SAMPLE)
    await made.open()
    yield made
    await made.close()


async def asked(port: int, question: bytes) -> tuple[str, str]:
    """(status line, body)."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(question)
    async with asyncio.timeout(10):
        answer = (await reader.read()).decode()
    writer.close()
    head, _, body = answer.partition("\r\n\r\n")
    return head.splitlines()[0] if head else "", body


async def test_a_scrape_has_what_the_sample_has(server) -> None:
    status, body = await asked(server.port, get())
    assert status == "HTTP/1.1 200 OK"
    found = {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(body)
        for sample in family.samples
    }
    assert found["sswd_posts_total", "stage"] == 7
    assert found["sswd_post_seconds_total", "stage"] == 0.5
    assert found["sswd_commands_total", "FAILED", "stage"] == 1
    assert found["sswd_link_failures_total", "stage"] == 6
    assert found["sswd_link_ok", "stage"] == 0
    assert found["sswd_worker_running", "stage"] == 1
    assert found["sswd_loop_lag_seconds",] == 0.002
    assert found["sswd_info", "0.1.0", "LAB:"] == 1
    assert found["sswd_ca_updates_total",] == 1
    assert found["sswd_ca_connections",] == 1
    assert found["process_resident_memory_bytes",] > 1e6


def test_every_name_tells_its_unit_or_that_it_counts() -> None:
    for family in families(SAMPLE):
        name = family.name + {"counter": "_total", "info": "_info"}.get(family.type, "")
        in_ca = name.removeprefix("sswd_ca_") in NOW
        assert in_ca or UNITS.search(name), name
        assert family.documentation


def test_every_count_of_channel_access_has_words() -> None:
    assert set(CA) == set(Counts.__slots__)


async def test_names_of_systems_are_escaped() -> None:
    odd = Sample("1", 'a"b\\', 0.0, {}, [replace(STAGE, name='x"\n')])
    made = MetricsServer("127.0.0.1", 0, lambda: odd)
    await made.open()
    try:
        _, body = await asked(made.port, get())
    finally:
        await made.close()
    assert list(text_string_to_metric_families(body))


@pytest.mark.parametrize(
    ("question", "status"),
    [
        (get("/"), "HTTP/1.1 200 OK"),
        (get("/metrics?x=1"), "HTTP/1.1 200 OK"),
        (get("/other"), "HTTP/1.1 404 Not Found"),
        (get(method="POST"), "HTTP/1.1 405 Method Not Allowed"),
        (b"nonsense\r\n\r\n", "HTTP/1.1 400 Bad Request"),
        (b"GET / HTTP/1.1\r\nX: " + b"x" * 20_000, "HTTP/1.1 431 Request Header"),
    ],
)
async def test_other_questions(server, question: bytes, status: str) -> None:
    told, _ = await asked(server.port, question)
    assert told.startswith(status)


async def test_head_has_no_body(server) -> None:
    assert await asked(server.port, get(method="HEAD")) == ("HTTP/1.1 200 OK", "")


async def test_clients_that_say_nothing_are_bounded_and_time_out(
    server, monkeypatch
) -> None:
    monkeypatch.setattr(http, "CLIENTS", 2)
    monkeypatch.setattr(http, "WAIT_S", 0.3)
    silent = [await asyncio.open_connection("127.0.0.1", server.port) for _ in range(2)]
    async with asyncio.timeout(10):
        while len(server._clients) < 2:
            await asyncio.sleep(0.01)
        refused, writer = await asyncio.open_connection("127.0.0.1", server.port)
        for reader, connected in [(refused, writer), *silent]:
            with contextlib.suppress(ConnectionError):
                assert await reader.read() == b"", "hung up"
            connected.close()
    status, _ = await asked(server.port, get())
    assert status == "HTTP/1.1 200 OK"


async def test_an_address_that_is_taken_is_told(server, caplog) -> None:
    other = MetricsServer("127.0.0.1", server.port, lambda: SAMPLE)
    await other.open()
    await other.close()
    assert f"no metrics: cannot listen at 127.0.0.1:{server.port}: " in caplog.text
