"""What the pulse stands for: the main thread can take commands, or will."""

import threading

import pytest

from sswd.worker import main_thread
from sswd.worker.main_thread import LOOK_S, MainThread


@pytest.fixture
def clock(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(main_thread.time, "monotonic", lambda: now[0])
    return now


def test_at_work_it_may_take_any_time(clock):
    main = MainThread()
    clock[0] += 3600.0
    assert main.is_there()  # it imports
    main.waits()
    main.works()
    clock[0] += 3600.0
    assert main.is_there()


def test_idle_it_must_look_for_commands(clock):
    main = MainThread()
    main.waits()
    clock[0] += LOOK_S - 0.1
    assert main.is_there()
    clock[0] += 0.2
    assert not main.is_there()
    main.waits()
    assert main.is_there()


def test_once_it_leaves_it_is_not_there(clock):
    main = MainThread()
    main.leaves()
    main.works()
    assert not main.is_there()


def test_a_thread_that_has_ended_is_not_there(monkeypatch):
    ended = threading.Thread()
    monkeypatch.setattr(threading, "main_thread", lambda: ended)
    assert not MainThread().is_there()
