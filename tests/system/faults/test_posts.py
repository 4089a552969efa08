"""Row 21: whatever a system posts, the daemon lives, and tells what it refused."""

from collections.abc import Iterator

import pytest
from client import Client, ca_is_up, ca_port
from daemon import until
from systems import MISBEHAVING, one_system, tables_of

from sswd.testing import Daemon, running_daemon

pytestmark = pytest.mark.row(21)

posts = tables_of("posts")
CONFIG = one_system(
    "posts:Poster",
    pvs=f"""
NUMBER = {{ type = "int", value = 0 }}
MODE = {{ type = "enum", strings = ["off", "on"] }}
{posts.PVS}""",
)


@pytest.fixture(scope="module")
def daemon() -> Iterator[Daemon]:
    with running_daemon(config=CONFIG, folder=MISBEHAVING, port=ca_port()) as daemon:
        yield daemon


@pytest.fixture(autouse=True)
def same_worker(daemon: Daemon, client: Client) -> Iterator[None]:
    """No post, however wrong, may cost the worker its life."""
    pid = client.get(daemon.prefix + "WORKER:PID")
    yield
    assert client.get(daemon.prefix + "WORKER:PID") == pid, daemon.log[-3000:]


@pytest.mark.timing
@pytest.mark.parametrize("watched", [False, True], ids=["unwatched", "watched"])
def test_wrong_posts_are_refused_in_words_and_counted(
    daemon: Daemon, client: Client, watched: bool
) -> None:
    prefix = daemon.prefix
    assert client.put(prefix + "CMD", "good")
    monitors = [client.monitor(prefix + pv) for pv in ("values", "message") if watched]
    for name, wrong in posts.WRONG.items():
        assert client.put(prefix + "CMD", "reset")
        refused = client.get(prefix + "WORKER:REFUSED")

        assert client.put(prefix + "CMD", f"{name} among"), (name, daemon.log[-3000:])

        assert client.get(prefix + "WORKER:REFUSED") == refused + 1, name
        assert client.get(prefix + "NUMBER") == 6, name  # posted before it
        assert client.get(prefix + "MODE") == "on", name  # and after it
        assert client.get(prefix + "CMD") == f"{name} among"
        until(lambda: wrong.words in daemon.log, wrong.words)  # noqa: B023
    assert list(client.get(prefix + "values")) == [1.0, 2.0]
    assert client.get(prefix + "message") == "good"
    assert [len(monitor.seen) for monitor in monitors] == [1, 1] * watched
    ca_is_up(daemon, client)


@pytest.mark.timing
def test_what_fits_in_another_form_is_published(daemon: Daemon, client: Client) -> None:
    prefix = daemon.prefix
    for name, (pv, _) in posts.ODD.items():
        assert client.put(prefix + "CMD", "reset")  # an equal value is no event
        refused = client.get(prefix + "WORKER:REFUSED")
        monitor = client.monitor(prefix + pv)
        assert client.put(prefix + "CMD", name)
        monitor.wait_for(lambda seen: len(monitor.seen) > 1)  # noqa: B023
        assert client.get(prefix + "WORKER:REFUSED") == refused, name
    ca_is_up(daemon, client)


def test_odd_values_arrive_as_meant(daemon: Daemon, client: Client) -> None:
    prefix = daemon.prefix
    for name, pv, wanted in [
        ("empty", "values", []),
        ("strided", "values", [9.0, 6.0, 3.0, 0.0]),
        ("big_endian", "values", [0.0, 1.0, 2.0]),
        ("matrix", "values", [1.0] * 6),
    ]:
        assert client.put(prefix + "CMD", name)
        assert list(client.get(prefix + pv)) == wanted
    assert client.put(prefix + "CMD", "nul")
    assert client.get(prefix + "message") == "a"
    assert client.put(prefix + "CMD", "long_ack")
    assert client.get(prefix + "ACK") == "1 " + "x" * 37


def test_a_post_of_cmd_runs_nothing(daemon: Daemon, client: Client) -> None:
    """The old wrapper fired its putter again: 4,363 times in 1.2 s."""
    prefix = daemon.prefix
    monitor = client.monitor(prefix + "CMD_ID")
    assert client.put(prefix + "CMD", "the_command")
    assert client.put(prefix + "CMD", "echo")
    first = monitor.values[0]
    assert client.get(prefix + "CMD_ID") == first + 2
    assert client.get(prefix + "CMD") == "echo"


@pytest.mark.timing
def test_the_same_wrong_post_is_told_once(daemon: Daemon, client: Client) -> None:
    for _ in range(50):
        assert client.put(daemon.prefix + "CMD", "no_state classic")
    assert daemon.log.count("post to NO_STATE of system") == 1
    ca_is_up(daemon, client)


def test_exceptions_and_logs_with_odd_text_are_told(
    daemon: Daemon, client: Client
) -> None:
    """A file name that is no UTF-8 is a str with a lone surrogate in Python."""
    prefix = daemon.prefix
    assert not client.put(prefix + "CMD", "raise")
    assert client.get(prefix + "CMD_STATE") == "FAILED"
    assert client.get(prefix + "CMD_ERROR").startswith("FileNotFoundError: caf")
    assert not client.put(prefix + "CMD", "raise 1000000")
    assert client.get(prefix + "CMD_ERROR").startswith("FileNotFoundError: caf")
    assert client.put(prefix + "CMD", "log")
    until(lambda: "no file caf" in daemon.log, "words in the log")
