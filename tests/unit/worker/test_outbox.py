"""The worker's outbox: order, bounds, credits, and no update left behind."""

import gc
import os
import random
import signal
import socket
import threading
import time
from collections import deque
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sswd.alarm import Alarm
from sswd.errors import PipeClosed
from sswd.pipe.codec import LARGE, LARGE_CREDITS, MessageDecoder, Unsendable, credits_of
from sswd.pipe.framing import FrameReader, FrameWriter
from sswd.pipe.protocol import (
    Down,
    Finished,
    Grant,
    Log,
    Message,
    Post,
    Pulse,
    Ready,
    Up,
)
from sswd.worker import outbox as outbox_module
from sswd.worker.batches import BATCH_UPDATES
from sswd.worker.control import Control
from sswd.worker.log_queue import MAX_RECORDS
from sswd.worker.main_thread import MainThread
from sswd.worker.outbox import MAX_ACKS, Outbox
from sswd.worker.watch import CommandWatch


class FakeWriter:
    """Keeps what is sent. `during` is called within each send."""

    def __init__(self) -> None:
        self.sent: list[Message] = []
        self.during: list[Any] = []

    def send(self, message: Message) -> None:
        if self.during:
            self.during.pop(0)()
        self.sent.append(message)


def updates_of(messages: list[Message]) -> list[tuple[str, Any]]:
    """(pv, value) of everything posted, in order."""
    updates = []
    for message in messages:
        match message:
            case Post(updates=some) | Finished(posts=some):
                updates += [(u.pv, u.value) for u in some]
            case _:
                pass
    return updates


def outbox_of(writer: Any, **options: Any) -> Outbox:
    settings = {"bound": 4, "credits": 100, "fetch_grants": lambda: None, **options}
    return Outbox(writer, **settings)


@pytest.fixture
def writer() -> FakeWriter:
    return FakeWriter()


# -- one thread


def test_a_post_is_sent_at_once_while_there_is_credit(writer, monkeypatch):
    outbox = outbox_of(writer, credits=2)
    monkeypatch.setattr(time, "time", lambda: 1234.5)
    outbox.post({"a": 1, "b": 2})
    outbox.post({"a": 3})
    outbox.post({"a": 4})
    assert updates_of(writer.sent) == [("a", 1), ("b", 2), ("a", 3)]
    assert writer.sent[0].updates[0].stamp_s == 1234.5


def test_a_grant_fetched_by_the_poster_is_used(writer):
    granted = deque([1])
    outbox = outbox_of(
        writer,
        credits=0,
        fetch_grants=lambda: outbox.grant(granted.popleft()) if granted else None,
    )
    outbox.post({"a": 1})
    outbox.post({"a": 2})
    assert updates_of(writer.sent) == [("a", 1)]


def test_below_the_bound_all_values_are_kept_beyond_it_the_newest(writer):
    outbox = outbox_of(writer, credits=0)
    for i in range(100):
        outbox.post({"a": i})
    outbox.grant(1)
    outbox.pump()
    assert updates_of(writer.sent) == [("a", 0), ("a", 1), ("a", 2), ("a", 99)]


def test_a_conflated_value_takes_the_place_of_the_older(writer):
    outbox = outbox_of(writer, credits=0, bound=2)
    outbox.post({"values": 1})
    outbox.post({"other": 1})
    outbox.post({"values": 2})
    outbox.post({"ACK": "1"})
    outbox.post({"values": 3})
    outbox.grant(1)
    outbox.pump()
    assert updates_of(writer.sent) == [("values", 3), ("other", 1), ("ACK", "1")]


def test_values_posted_before_ack_arrive_before_it_also_when_new(writer):
    outbox = outbox_of(writer, credits=0, bound=1)
    outbox.post({"other": 1})
    outbox.post({"values": 1})
    outbox.post({"ACK": "1"})
    outbox.finish(1, None)
    assert updates_of(writer.sent) == [("other", 1), ("values", 1), ("ACK", "1")]


def test_a_sent_value_is_never_written_over(writer):
    """After sending, a new entry is made: the old place is gone."""
    outbox = outbox_of(writer, credits=0, bound=1)
    outbox.post({"a": 1})
    outbox.grant(1)
    outbox.pump()
    outbox.post({"b": 1})
    outbox.post({"a": 2})
    outbox.post({"a": 3})
    outbox.grant(9)
    outbox.pump()
    assert updates_of(writer.sent) == [("a", 1), ("b", 1), ("a", 3)]


def test_ack_is_never_conflated(writer):
    outbox = outbox_of(writer, credits=0, bound=1)
    for i in range(MAX_ACKS):
        outbox.post({"a": i, "ACK": str(i)})
    outbox.finish(1, None)
    acks = [value for pv, value in updates_of(writer.sent) if pv == "ACK"]
    assert acks == [str(i) for i in range(MAX_ACKS)]


def test_so_are_others_that_the_system_names(writer):
    outbox = outbox_of(writer, credits=0, bound=1)
    outbox.in_order |= {"READY"}
    for i in range(10):
        outbox.post({"READY": i})
    outbox.drain()
    assert [value for _, value in updates_of(writer.sent)] == list(range(10))


def test_the_poster_of_too_many_acks_waits_for_room(writer):
    outbox = outbox_of(writer, credits=0)
    for i in range(MAX_ACKS):
        outbox.post({"ACK": i})
    posting = threading.Thread(target=outbox.post, args=({"ACK": MAX_ACKS},))
    posting.start()
    posting.join(0.05)
    assert posting.is_alive()
    outbox.grant(1)
    outbox.pump()
    posting.join(2.0)
    assert not posting.is_alive()
    outbox.drain()
    assert [v for _, v in updates_of(writer.sent)] == list(range(MAX_ACKS + 1))


def test_a_post_holds_at_most_so_many_updates(writer):
    outbox = outbox_of(writer, credits=0, bound=10_000)
    for i in range(1000):
        outbox.post({"a": i})
    outbox.grant(9)
    outbox.pump()
    assert max(len(m.updates) for m in writer.sent) == BATCH_UPDATES
    assert [v for _, v in updates_of(writer.sent)] == list(range(1000))


def test_a_large_array_travels_alone_and_costs_more(writer):
    outbox = outbox_of(writer, credits=0, bound=10)
    large = np.zeros(LARGE, np.uint8)
    outbox.post({"a": 1})
    outbox.post({"b": 1})
    outbox.post({"image": large})
    outbox.post({"c": 1})
    outbox.grant(2)
    outbox.pump()
    assert [[u.pv for u in m.updates] for m in writer.sent] == [
        ["a", "b"],
        ["image"],
    ]
    outbox.grant(LARGE_CREDITS - 1)  # what is still owed
    outbox.pump()
    assert len(writer.sent) == 2
    outbox.grant(1)
    outbox.pump()
    assert len(writer.sent) == 3


def test_what_lies_under_the_mask_of_a_large_array_is_not_sent(writer):
    outbox = outbox_of(writer, credits=100)
    under = np.full(LARGE // 8, 999.0)
    outbox.post({"image": np.ma.masked_array(under, mask=True)})
    outbox.post({"image": np.ma.masked_array(under.astype(int), mask=True)})
    [(_, floats), (_, integers)] = updates_of(writer.sent)
    assert np.isnan(floats).all()
    assert isinstance(integers, Unsendable)


def test_a_large_array_waits_a_little_for_the_former_one_to_be_sent(
    writer, monkeypatch
):
    """Else the copies over frames that nobody saw would slow down the others."""
    monkeypatch.setattr(outbox_module, "READ_BYTES_S", LARGE / 5.0)
    monkeypatch.setattr(outbox_module, "PATIENCE_S", 5.0)
    asked = 0

    def fetch_grants() -> None:
        nonlocal asked
        asked += 1
        if asked == 5:
            outbox.grant(2 * LARGE_CREDITS)

    outbox = outbox_of(writer, credits=0, fetch_grants=fetch_grants)
    outbox.post({"image": np.full(LARGE, 1, np.uint8)})
    outbox.post({"image": np.full(LARGE, 2, np.uint8)})
    assert [value[0] for _, value in updates_of(writer.sent)] == [1, 2]


@pytest.mark.timing
def test_its_patience_has_an_end(writer):
    """The IOC may be stopped: a post holds up its driver for some milliseconds only."""
    outbox = outbox_of(writer, credits=0)
    begun_s = time.monotonic()
    for i in range(20):
        outbox.post({"image": np.full(LARGE, i, np.uint8)})
    assert time.monotonic() - begun_s < 5 * 20 * outbox_module.PATIENCE_S


def test_a_large_array_replaces_the_unsent_one(writer):
    outbox = outbox_of(writer, credits=0, bound=10)
    for i in range(5):
        outbox.post({"image": np.full(LARGE, i, np.uint8)})
    outbox.drain()
    (only,) = updates_of(writer.sent)
    assert (only[1] == 4).all()


def test_finished_takes_along_what_is_unsent_and_needs_no_credit(writer):
    outbox = outbox_of(writer, credits=0)
    outbox.post({"values": 1.0, "ACK": "1"})
    outbox.finish(7, None)
    (finished,) = writer.sent
    assert (finished.id, finished.failure) == (7, None)
    assert updates_of([finished]) == [("values", 1.0), ("ACK", "1")]
    outbox.post({"a": 1})
    outbox.drain()
    assert updates_of(writer.sent)[2:] == [("a", 1)]


def test_notes_need_no_credit_and_come_before_the_end(writer):
    outbox = outbox_of(writer, credits=0)
    note = Log(20, "x", "text")
    outbox.note(note)
    outbox.finish(1, None)
    assert [type(m) for m in writer.sent] == [Log, Finished]


def test_notes_are_bounded_and_the_dropped_ones_told(writer):
    outbox = outbox_of(writer)
    held = threading.Lock()
    outbox._write_lock = held
    with held:
        for i in range(2 * MAX_RECORDS):
            outbox.note(Log(20, "x", str(i)))
    outbox.pump()
    assert [m.message for m in writer.sent] == [
        f"{MAX_RECORDS} log records dropped: the IOC was behind",
        *(str(i) for i in range(MAX_RECORDS, 2 * MAX_RECORDS)),
    ]


def test_after_drain_nothing_is_lost_either(writer):
    """A thread of the driver that still posts while the system is closed."""
    outbox = outbox_of(writer, credits=0, bound=1)
    outbox.post({"a": 1})
    outbox.drain()
    outbox.post({"b": 1})
    outbox.post({"a": 2})
    outbox.drain()
    assert updates_of(writer.sent) == [("a", 1), ("b", 1), ("a", 2)]


def test_what_cannot_be_sent_does_not_take_others_along(writer):
    outbox = outbox_of(writer)
    outbox.post({"a": 1, "bad": object(), "b": 2})
    assert [v for _, v in updates_of(writer.sent)] == [
        1,
        Unsendable("object of type object"),
        2,
    ]


# -- a model


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("post"), st.sampled_from(["a", "b", "values", "ACK"])),
        st.tuples(st.just("large"), st.sampled_from(["image", "values"])),
        st.tuples(st.just("grant"), st.integers(1, 4)),
        st.tuples(st.just("finish"), st.none()),
    ),
    max_size=60,
)
BIG = np.zeros(LARGE, np.uint8)


@given(STEPS, st.integers(1, 5), st.integers(0, 3))
def test_any_sequence(steps, bound, credits):
    """Order per PV, the last not lost, ACK complete and not early, credits obeyed."""
    writer = FakeWriter()
    outbox = outbox_of(writer, bound=bound, credits=credits)
    posted: list[tuple[str, Any]] = []
    granted = credits
    advanced: list[Any] = []
    send_on_credit = outbox._send_on_credit

    def noting(posts: Any) -> None:
        """What cannot wait is sent all the same, and paid later."""
        advanced.append(posts)
        send_on_credit(posts)

    outbox._send_on_credit = noting
    for i, (what, detail) in enumerate(steps):
        match what:
            case "post":
                posted.append((detail, i))
                outbox.post({detail: i})
            case "large":
                array = BIG.view()
                array[0], array[1] = divmod(i, 256)
                posted.append((detail, i))
                outbox.post({detail: array})
            case "grant":
                granted += detail
                outbox.grant(detail)
                outbox.pump()
            case "finish":
                outbox.finish(i, None)
        unsent = len(outbox._entries)
        acks = sum(entry.pv == "ACK" for entry in outbox._entries)
        assert unsent <= bound + acks + 4  # one of each PV beyond the bound
    outbox.drain()
    arrived = [
        (pv, value if isinstance(value, int) else int(value[0]) * 256 + int(value[1]))
        for pv, value in updates_of(writer.sent)
    ]
    check_arrived(posted, arrived)
    spent = sum(
        credits_of(u.value for u in m.updates)
        for m in writer.sent
        if isinstance(m, Post) and not any(m.updates is posts for posts in advanced)
    )
    assert spent <= granted + LARGE_CREDITS - 1


def check_arrived(posted: list[tuple[str, int]], arrived: list[tuple[str, int]]):
    for pv in {pv for pv, _ in posted}:
        wanted = [i for name, i in posted if name == pv]
        got = [i for name, i in arrived if name == pv]
        assert got == sorted(set(got))  # in order, none twice
        assert set(got) <= set(wanted)
        assert got[-1] == wanted[-1]  # the last one never lost
        if pv == "ACK":
            assert got == wanted
    newest: dict[str, int] = {}
    for pv, i in arrived:
        if pv == "ACK":
            for other, j in posted:
                if j < i and other != "ACK":
                    assert newest.get(other, -1) >= j, f"{other} {j} after ACK {i}"
        newest[pv] = i


# -- several threads


def test_who_finds_the_writer_busy_leaves_and_is_not_forgotten(writer):
    """Whoever holds the lock looks again after it: post, finish, send and pulse."""
    outbox = outbox_of(writer)

    def post_meanwhile() -> None:
        thread = threading.Thread(target=outbox.post, args=({"a": 1},))
        thread.start()
        thread.join(2.0)
        assert not thread.is_alive()

    for busy in (
        lambda: outbox.post({"x": 0}),
        lambda: outbox.finish(1, None),
        lambda: outbox.send(Ready()),
        lambda: outbox.try_send(Pulse()),
    ):
        writer.sent.clear()
        writer.during = [post_meanwhile]
        busy()
        assert ("a", 1) in updates_of(writer.sent), busy


@pytest.mark.timeout(20)
def test_a_signal_handler_that_posts_does_not_deadlock(writer):
    """It interrupts the main thread wherever it is, within our lock too."""
    outbox = outbox_of(writer, bound=3, credits=10**6)
    stop, may_come = threading.Event(), threading.Event()
    came = 0

    def on_signal(*_: Any) -> None:
        nonlocal came
        came += 1
        outbox.post({"signal": came, "ACK": "0"})
        may_come.set()

    def kill() -> None:
        main = threading.main_thread().ident
        while not stop.is_set():
            signal.pthread_kill(main or 0, signal.SIGUSR2)
            may_come.wait(1.0)
            may_come.clear()

    before = signal.signal(signal.SIGUSR2, on_signal)
    killer = threading.Thread(target=kill)
    killer.start()
    try:
        i = 0
        while came < 100:
            i += 1
            outbox.post({"a": i, "b": i})
    finally:
        stop.set()
        killer.join(5.0)
        signal.signal(signal.SIGUSR2, before)
    outbox.drain()
    for pv, last in (("a", i), ("b", i), ("signal", came)):
        got = [value for name, value in updates_of(writer.sent) if name == pv]
        assert got == sorted(set(got))
        assert got[-1] == last


def test_a_finalizer_that_posts_does_not_deadlock(writer):
    outbox = outbox_of(writer, credits=10**6)

    class Noisy:
        def __init__(self) -> None:
            self.me = self

        def __del__(self) -> None:
            outbox.note(Log(20, "x", "collected"))
            outbox.post({"garbage": 1})

    before = gc.get_threshold()
    gc.set_threshold(1)
    try:
        for i in range(1000):
            Noisy()
            outbox.post({"a": i})
    finally:
        gc.set_threshold(*before)
    outbox.drain()
    assert [v for pv, v in updates_of(writer.sent) if pv == "a"][-1] == 999


class Ioc:
    """Reads what the outbox sends, and grants as slowly as it is told."""

    def __init__(self, *, bound: int, credits: int, lazy_s: float) -> None:
        theirs, self._up = socket.socketpair()
        ctl_reader, self._ctl = os.pipe()
        self._fds = [theirs, self._up]
        os.set_blocking(ctl_reader, False)
        self._ctl_reader = ctl_reader
        control = Control(
            ctl_reader,
            FrameReader(ctl_reader, MessageDecoder(Down)),
            CommandWatch(),
            pulse_s=60.0,  # whoever relies on the pulse would be late
            main_thread=MainThread(),
        )
        self.outbox = Outbox(
            FrameWriter(theirs.fileno()),
            bound=bound,
            credits=credits,
            fetch_grants=control.fetch_grants,
        )
        self.control = control
        self._gone = threading.Event()
        control.start(self.outbox, self._gone.set)
        self._lazy_s = lazy_s
        self.heard: list[Message] = []
        self.in_flight = 0
        self.most_in_flight = 0
        self._thread = threading.Thread(target=self._read, name="test ioc")
        self._thread.start()

    def _read(self) -> None:
        reader: FrameReader[Any] = FrameReader(self._up.fileno(), MessageDecoder(Up))
        ctl = FrameWriter(self._ctl)
        chance = random.Random(1)
        owed = 0
        while True:
            try:
                messages = reader.read()
            except PipeClosed:
                return
            for message in messages:
                self.heard.append(message)
                if isinstance(message, Post):
                    owed += credits_of(u.value for u in message.updates)
                if owed >= 4:
                    time.sleep(chance.random() * self._lazy_s)
                    ctl.send(Grant(owed))
                    owed = 0

    def wait(self, pv: str, value: Any, limit_s: float = 5.0) -> float:
        """Until this value is heard; the seconds it took."""
        begun_s = time.monotonic()
        while time.monotonic() < begun_s + limit_s:
            if (pv, value) in updates_of(self.heard[-50:]):
                return time.monotonic() - begun_s
            time.sleep(0.002)
        raise AssertionError(f"{pv} = {value} never came: {self.heard[-3:]}")

    def close(self) -> None:
        self._fds[0].shutdown(socket.SHUT_WR)
        self._thread.join(5.0)
        assert not self._thread.is_alive()
        os.close(self._ctl)  # nobody writes there any more
        assert self._gone.wait(5.0)
        for thread in threading.enumerate():
            if thread.name == "sswd-control":
                thread.join(5.0)
        for end in self._fds:
            end.close()
        for fd in (self._ctl_reader, self.control._wake, self.control.stop_wakes):
            os.close(fd)


@pytest.mark.parametrize(
    ("bound", "credits", "lazy_s"),
    [(64, 8, 0.002), (4, 8, 0.0), (64, 4, 0.02), (1, 4, 0.001)],
)
def test_threads_that_post_while_grants_come_slowly(bound, credits, lazy_s):
    """No wake-up is lost: what was posted last arrives although no pulse comes."""
    ioc = Ioc(bound=bound, credits=credits, lazy_s=lazy_s)
    posted: dict[str, int] = {}
    until_s = time.monotonic() + 0.8

    def flood(pv: str) -> None:
        i = 0
        while time.monotonic() < until_s:
            i += 1
            ioc.outbox.post({pv: i})
            if i % 50 == 0:
                time.sleep(0.001)
        posted[pv] = i

    def acknowledge() -> None:
        i = 0
        while time.monotonic() < until_s:
            i += 1
            ioc.outbox.post({"values": i})
            ioc.outbox.post({"ACK": i})
            time.sleep(0.001)
        posted["values"] = posted["ACK"] = i

    threads = [threading.Thread(target=flood, args=(pv,)) for pv in "abc"]
    threads.append(threading.Thread(target=acknowledge))
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20.0)
            assert not thread.is_alive()
        for pv, last in posted.items():
            ioc.wait(pv, last)
    finally:
        ioc.close()
    arrived = updates_of(ioc.heard)
    for pv in posted:
        got = [value for name, value in arrived if name == pv]
        assert got == sorted(set(got))
    newest = 0
    for pv, value in arrived:
        newest = value if pv == "values" else newest
        assert pv != "ACK" or newest >= value
    acks = [value for name, value in arrived if name == "ACK"]
    assert acks == list(range(1, posted["ACK"] + 1))


def test_single_posts_never_wait_for_a_pulse():
    """Two threads that meet at the write lock, again and again, with few credits."""
    ioc = Ioc(bound=8, credits=4, lazy_s=0.0005)
    try:
        for i in range(1, 300):
            other = threading.Thread(target=ioc.outbox.post, args=({"a": i},))
            other.start()
            ioc.outbox.post({"b": i})
            if i % 7 == 0:
                ioc.outbox.finish(i, None)
            other.join(5.0)
            assert not other.is_alive()
            ioc.wait("a", i)
            ioc.wait("b", i)
    finally:
        ioc.close()


@pytest.mark.timing
def test_nobody_is_kept_posting_for_others():
    """A thread that posts once is back soon, however much the others post."""
    ioc = Ioc(bound=64, credits=8, lazy_s=0.0)
    stop = threading.Event()

    def flood(pv: str) -> None:
        i = 0
        while not stop.is_set():
            i += 1
            ioc.outbox.post({pv: i})

    threads = [threading.Thread(target=flood, args=(pv,)) for pv in "abc"]
    took_s = []
    try:
        for thread in threads:
            thread.start()
        for i in range(50):
            begun_s = time.monotonic()
            ioc.outbox.post({"mine": i})
            took_s.append(time.monotonic() - begun_s)
            time.sleep(0.005)
    finally:
        stop.set()
        for thread in threads:
            thread.join(5.0)
        ioc.close()
    assert max(took_s) < 1.0, sorted(took_s)[-5:]


# -- sizes


def test_what_a_command_leaves_unsent_travels_in_messages_of_bounded_size(writer):
    outbox = outbox_of(writer, credits=0, bound=100)
    outbox.post({f"t{i}": "x" * 200_000 for i in range(8)})
    outbox.finish(1, None)
    *posts, end = writer.sent
    assert [len(m.updates) for m in posts] == [1] * 7
    assert isinstance(end, Finished)
    assert [u.pv for m in posts for u in m.updates] + [end.posts[0].pv] == [
        f"t{i}" for i in range(8)
    ]
    assert outbox._credits == -7
    outbox.grant(7)  # the IOC gives them back
    assert outbox._credits == 0


def test_an_array_that_no_pv_holds_is_refused_in_words(writer):
    outbox = outbox_of(writer)
    outbox.max_array = 800
    outbox.post({"a": np.zeros(100), "b": np.zeros(101), "c": [0.0] * 101})
    (_, a), (_, b), (_, c) = updates_of(writer.sent)
    assert len(a) == 100
    assert (
        b
        == c
        == Unsendable("array of 808 bytes, more than any PV of this system holds")
    )


def test_a_name_that_is_none_is_cut(writer):
    outbox = outbox_of(writer)
    outbox.post({"x" * 60: 1, "y" * 1_000_000: 2})
    outbox.post_alarm("z" * 61, Alarm(1, 15))
    names = [pv for pv, _ in updates_of(writer.sent)]
    assert names == ["x" * 60, "y" * 60 + "...", "z" * 60 + "..."]
