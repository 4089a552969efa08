"""The lock of one system, without sockets."""

import asyncio

import caproto
import pytest

from sswd.errors import CommandRejected
from sswd.ioc import ca
from sswd.ioc.system.lock import Lock


def somebody(user: str = "anna", address: str = "10.0.0.5") -> ca.LocalClient:
    return ca.LocalClient(user, "claimed", (address, 5000))


class Watched:
    """A lock that is watched over."""

    def __init__(self) -> None:
        self.shown: list[tuple[str, str, str]] = []
        self.changed = asyncio.Event()
        self.lock = Lock(lambda *texts: self.shown.append(texts))
        self.lock.lock_s = 60.0
        self.lock.on_change = self.changed.set


@pytest.fixture
async def watched() -> Watched:
    return Watched()


async def test_who_puts_a_note_has_it_by_every_circuit(watched: Watched) -> None:
    lock, anna = watched.lock, somebody()
    assert not lock.blocks(anna)
    lock.put(anna, "aligning")
    assert watched.shown == [("anna", "10.0.0.5", "aligning")]
    assert lock.words == "locked by anna@10.0.0.5: aligning"
    assert watched.changed.is_set()
    assert not lock.blocks(somebody())
    assert lock.blocks(somebody("ben"))
    assert lock.blocks(somebody(address="10.0.0.6"))
    lock.left(somebody())
    assert lock.words, "another circuit of hers has ended"
    lock.left(anna)
    assert not lock.words
    assert watched.shown[-1] == ("", "", "")


async def test_another_breaks_it_only_if_he_may(watched: Watched) -> None:
    lock, anna, ben = watched.lock, somebody(), somebody("ben")
    lock.put(anna, "aligning")
    for note in ("", "mine"):
        with pytest.raises(caproto.Forbidden, match="locked by anna@"):
            lock.put(ben, note)
    lock.may_break = lambda client: client is ben
    lock.put(ben, "urgent")
    assert lock.holder is ben
    lock.left(anna)
    assert lock.holder is ben
    lock.put(ben, "")
    assert lock.holder is None
    lock.close()


async def test_it_ends_with_its_time(watched: Watched) -> None:
    lock = watched.lock
    lock.lock_s = 0.01
    lock.put(somebody(), "short")
    watched.changed.clear()
    await asyncio.wait_for(watched.changed.wait(), 10.0)
    assert lock.holder is None


async def test_there_is_none_where_nobody_watches() -> None:
    lock = Lock(lambda *_: None)
    with pytest.raises(CommandRejected, match="sswd run"):
        lock.put(somebody(), "aligning")
