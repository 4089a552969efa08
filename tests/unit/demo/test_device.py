"""The demo's instrument: physics and language with a clock of our own, then on TCP."""

import asyncio
import contextlib
import struct
import time
from collections.abc import AsyncIterator

import pytest

from sswd.demo.device import Device
from sswd.demo.instrument import PEAK_MM, Instrument, Stage
from sswd.demo.scpi import IDN, Interpreter
from sswd.demo.system import parse


class Clock:
    """Monotonic seconds that pass when told to."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


class Scpi:
    """An interpreter with its clock, asked as a client would ask."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.interpreter = Interpreter(Instrument(), self.clock)

    def ask(self, message: str) -> str:
        answer = self.interpreter.execute(message)
        assert answer is not None, self.interpreter.execute("SYST:ERR?")
        return answer.decode()

    def tell(self, message: str) -> str:
        """Send a message without answer; what the error queue says after it."""
        assert self.interpreter.execute(message) is None
        return self.ask("SYST:ERR?")

    def waveform(self, channel: int, code: str = "d") -> list[float]:
        block = self.interpreter.execute(f"WAV:DATA? {channel}")
        assert block is not None
        digits = int(block[1:2])
        length = int(block[2 : 2 + digits])
        data = block[2 + digits :]
        assert block[:1] == b"#"
        assert len(data) == length
        return list(struct.unpack(f"<{length // struct.calcsize(code)}{code}", data))


@pytest.fixture
def scpi() -> Scpi:
    return Scpi()


OK = '0,"No error"'


def test_stage_moves_at_its_speed_and_stops_where_it_is() -> None:
    stage = Stage()
    stage.speed_mm_s = 10.0
    stage.move(20.0, now_s=0.0)
    assert stage.position_mm(0.5) == pytest.approx(5.0)
    assert stage.left_s(0.5) == pytest.approx(1.5)
    stage.stop(now_s=0.5)
    assert stage.position_mm(9.0) == pytest.approx(5.0)
    assert stage.left_s(0.5) == 0.0


def test_a_second_move_starts_where_the_first_had_come() -> None:
    stage = Stage()
    stage.speed_mm_s = 10.0
    stage.move(20.0, now_s=0.0)
    stage.move(0.0, now_s=1.0)
    assert stage.position_mm(1.5) == pytest.approx(5.0)
    assert stage.position_mm(2.0) == 0.0


def test_idn(scpi: Scpi) -> None:
    assert scpi.ask("*idn?") == IDN


def test_motion_in_words(scpi: Scpi) -> None:
    assert scpi.tell("VEL 10") == OK
    assert scpi.tell("MOVE 20") == OK
    assert scpi.ask("MOV?") == "1"
    scpi.clock.now_s += 1.0
    assert float(scpi.ask("POS?")) == pytest.approx(10.0)
    assert scpi.interpreter.busy_s() == pytest.approx(1.0)
    scpi.clock.now_s += 1.0
    assert (scpi.ask("MOV?"), scpi.ask("*OPC?")) == ("0", "1")
    assert scpi.interpreter.busy_s() == 0.0


def test_acquisition_keeps_it_busy(scpi: Scpi) -> None:
    scpi.tell("ACQ:TIME 0.5")
    scpi.tell("ACQ")
    assert scpi.interpreter.busy_s() == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("name", "code", "size"), [("REAL,64", "d", 8), ("REAL,32", "f", 4)]
)
def test_waveform_is_a_definite_length_block(
    scpi: Scpi, name: str, code: str, size: int
) -> None:
    assert scpi.tell("ACQ:POIN 300") == OK
    assert scpi.tell(f"WAV:FORM {name}") == OK
    scpi.tell("ACQ")
    block = scpi.interpreter.execute("WAV:DATA? 1")
    assert block is not None
    assert block.startswith(f"#4{300 * size}".encode())
    assert len(scpi.waveform(1, code)) == 300


def test_the_sample_peaks_where_it_should(scpi: Scpi) -> None:
    scpi.tell("VEL 200")
    heights = []
    for position_mm in (0.0, PEAK_MM, 10.0):
        scpi.tell(f"MOVE {position_mm}")
        scpi.clock.now_s += 10.0
        scpi.tell("ACQ")
        waveform = scpi.waveform(1)
        heights.append(max(waveform) - min(waveform))
    assert heights[1] > 10 * heights[0]
    assert heights[1] > 10 * heights[2]


def test_range_clips_and_a_channel_that_is_off_keeps_its_waveform(scpi: Scpi) -> None:
    scpi.tell(f"MOVE {PEAK_MM}")
    scpi.clock.now_s += 10.0
    scpi.tell("CHAN1:RANG 0.1")
    scpi.tell("CHAN2:STAT 0")
    scpi.tell("ACQ")
    assert max(scpi.waveform(1)) == 0.1
    assert (scpi.ask("CHAN1:RANG?"), scpi.ask("CHAN2:STAT?")) == ("0.1", "0")
    assert scpi.tell("WAV:DATA? 2").startswith("-230,")


@pytest.mark.parametrize(
    ("message", "error"),
    [
        ("NONSENSE 1", -113),
        ("MOVE here", -104),
        ("MOVE", -104),
        ("MOVE nan", -222),
        ("MOVE 100.1", -222),
        ("VEL 0", -222),
        ("CHAN5:STAT 1", -222),
        ("WAV:DATA? 0", -222),
        ("WAV:FORM INT,16", -224),
        ("SIM:FAULT SMOKE", -224),
    ],
)
def test_wrong_messages_have_no_answer_and_an_error(
    scpi: Scpi, message: str, error: int
) -> None:
    assert scpi.tell(message).startswith(f'{error},"')
    assert scpi.ask("SYST:ERR?") == OK


def test_error_queue_is_first_in_first_out_bounded_and_cleared(scpi: Scpi) -> None:
    for i in range(100):
        scpi.interpreter.execute(f"NO{i}")
    assert "NO84" in scpi.ask("SYST:ERR?")
    scpi.interpreter.execute("*CLS")
    assert scpi.ask("SYST:ERR?") == OK


def test_reset_leaves_the_stage_where_it_is(scpi: Scpi) -> None:
    scpi.tell("MOVE 10")
    scpi.clock.now_s += 0.25
    scpi.tell("CHAN1:RANG 0.5")
    scpi.tell("*RST")
    assert float(scpi.ask("POS?")) == pytest.approx(5.0)
    assert scpi.ask("MOV?") == "0"
    assert scpi.ask("CHAN1:RANG?") == "2"


def test_fault_error_refuses_settings_until_none(scpi: Scpi) -> None:
    assert scpi.tell("SIM:FAULT ERROR") == OK
    assert scpi.tell("MOVE 1").startswith("-310,")
    assert scpi.ask("POS?") == "0.000000"
    assert scpi.tell("STOP") == OK
    assert scpi.tell("SIM:FAULT NONE") == OK
    assert scpi.tell("MOVE 1") == OK


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        ("scan(0, 10, 11)", ("scan", ["0", "10", "11"])),
        (" Scan ( 0,10 11 ) ", ("scan", ["0", "10", "11"])),
        ("move 3.5", ("move", ["3.5"])),
        ("move(-3e1)", ("move", ["-3e1"])),
        ("idn", ("idn", [])),
        ("idn()", ("idn", [])),
    ],
)
def test_words_of_cmd(text: str, parsed: tuple[str, list[str]]) -> None:
    assert parse(text) == parsed


@pytest.mark.timing
@pytest.mark.parametrize(
    "text",
    [
        "",
        "(",
        "3",
        "move(",
        "move(1)(2)",
        "a.b",
        "x" * 9999 + "(",
        "x" + " " * 9999 + "(",
    ],
)
def test_what_is_no_word_of_cmd(text: str) -> None:
    begin_s = time.process_time()
    with pytest.raises(ValueError, match="cannot read"):
        parse(text)
    assert time.process_time() - begin_s < 0.01


class Client:
    """One TCP session with the device."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.reader, self.writer = reader, writer

    def tell(self, message: str) -> None:
        self.writer.write(message.encode() + b"\n")

    async def ask(self, message: str) -> str:
        self.tell(message)
        async with asyncio.timeout(5):
            return (await self.reader.readline()).decode().rstrip("\n")


class Bench:
    """A device on a free port and the sessions opened to it."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.clients: list[Client] = []

    async def client(self) -> Client:
        client = Client(*await asyncio.open_connection("127.0.0.1", self.port))
        self.clients.append(client)
        # Only an answer shows that the device has taken the session up.
        assert await client.ask("*IDN?") == IDN
        return client


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    async with Device(latency_s=0.0).serving() as port:
        bench = Bench(port)
        yield bench
        for client in bench.clients:
            client.writer.close()


async def test_opc_waits_for_the_motion_and_another_session_can_stop_it(
    bench: Bench,
) -> None:
    first, second = await bench.client(), await bench.client()
    first.tell("VEL 0.1")
    first.tell("MOVE 100")
    opc = asyncio.create_task(first.ask("*OPC?"))
    assert await second.ask("MOV?") in "01"
    async with asyncio.timeout(10):
        while await second.ask("MOV?") == "0":
            await asyncio.sleep(0.001)
    assert not opc.done()
    second.tell("STOP")
    assert await opc == "1"
    assert float(await second.ask("POS?")) < 1.0


async def test_hang_lasts_until_none(bench: Bench) -> None:
    hung, well = await bench.client(), await bench.client()
    hung.tell("SIM:FAULT HANG")
    hung.tell("POS?")
    hung.tell("VEL 3")
    # Sessions are served side by side, so only its answer says that it was pressed.
    async with asyncio.timeout(10):
        while await well.ask("SIM:FAULT?") != "HANG":
            await asyncio.sleep(0.001)
    well.tell("POS?")
    assert await well.ask("SIM:FAULT?") == "HANG"
    well.tell("SIM:FAULT NONE")
    # No position came in between: the next line is the answer to the next query.
    assert await well.ask("VEL?") == "3"
    assert await hung.ask("*IDN?") == IDN


async def test_drop_closes_all_other_sessions(bench: Bench) -> None:
    first, second = await bench.client(), await bench.client()
    second.tell("SIM:FAULT DROP")
    assert await first.reader.read() == b""
    assert await second.ask("SIM:FAULT?") == "NONE"
    await bench.client()


async def test_an_endless_line_ends_its_session_only(bench: Bench) -> None:
    first, second = await bench.client(), await bench.client()
    first.writer.write(b"x" * 200_000)
    with contextlib.suppress(ConnectionResetError):
        assert await first.reader.read() == b""
    assert first.reader.at_eof() or first.reader.exception()
    assert await second.ask("*IDN?") == IDN
