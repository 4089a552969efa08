"""Row 37: no text that a client puts to CMD is evaluated, however it is written."""

import statistics
from pathlib import Path

import numpy as np
import pytest
from client import Client, ca_is_up
from served import served
from systems import one_system, tables_of

pytestmark = pytest.mark.row(37)

UNIT = Path(__file__).parents[2] / "unit" / "sequence"
ROOM = 10_000
HOSTILE: dict[str, bytes] = {
    name: text.encode("utf-8", "surrogatepass")
    for name, text in tables_of("hostile", UNIT).REFUSED.items()
} | {"all bytes": bytes(range(1, 256)), "half a character": "é".encode()[:1]}


def put(client: Client, pv: str, text: bytes) -> bool:
    """What `caput -S` sends: bytes as they are."""
    return client.put(pv, np.frombuffer((text + b"\0")[:ROOM], np.uint8))


@pytest.mark.timing
def test_a_raw_system_gets_every_text_as_it_is(client: Client) -> None:
    pvs = 'GIVEN = { type = "text", length = 100000 }'
    with served(one_system("echo:Echo", pvs=pvs), client) as daemon:
        prefix = daemon.prefix
        worker = client.get(prefix + "WORKER:PID")
        for name, text in HOSTILE.items():
            wanted = text.partition(b"\0")[0][:ROOM].decode("utf-8", "surrogateescape")
            assert put(client, prefix + "CMD", text), (name, daemon.log[-3000:])
            assert daemon.get("GIVEN") == ascii(wanted), name
            assert daemon.get("CMD") == wanted, name
        assert client.get(prefix + "WORKER:PID") == worker
        ca_is_up(daemon, client)


@pytest.mark.timing
def test_the_command_language_refuses_them_in_words(
    client: Client, tmp_path: Path
) -> None:
    canary = tmp_path / "canary"
    code = f"__import__('os').system('touch {canary}')".encode()
    with served(one_system("echo:Stepped"), client) as daemon:
        prefix = daemon.prefix
        worker = client.get(prefix + "WORKER:PID")
        took_s = []
        texts = {**HOSTILE, "canary": code}
        for good in ("nul", "too long"):  # as far as they are read, or can be sent
            del texts[good]
        for name, text in texts.items():
            assert not put(client, prefix + "CMD", text), name
            assert client.get(prefix + "CMD_STATE") == "FAILED", name
            assert len(client.get(prefix + "CMD_ERROR")) > 10, name
            took_s.append(client.get(prefix + "CMD_TIME"))
        assert statistics.median(took_s) < 0.01
        assert max(took_s) < 0.25  # as long as this host holds up anybody
        assert not canary.exists()
        assert client.get(prefix + "WORKER:PID") == worker
        assert client.put(prefix + "CMD", "[1, 2]")
        ca_is_up(daemon, client)
