"""LOCK: who puts a note there is the only one who may write to the system.

The lock ends with the circuit that took it, with `lock_s`, or when its owner puts an
empty note; who may break locks may do that too, or take the lock over.

Threading model: the loop's own.
"""

import asyncio
import logging
from collections.abc import Callable

import caproto
from caproto import SkipWrite
from caproto.server import PVGroup, pvproperty

from sswd.errors import CommandRejected
from sswd.ioc import ca
from sswd.ioc.pvs.coerce import coercer
from sswd.ioc.pvs.kinds import KINDS
from sswd.ioc.pvs.readback import readback

log = logging.getLogger("sswd.ioc")

PV = "LOCK"
NOBODY_WATCHES = "rejected: there are locks under `sswd run` only"


class Lock:
    """The lock of one system: who has it."""

    def __init__(self, show: Callable[[str, str, str], None]) -> None:
        """`show(user, host, note)` is told of each change; all empty: it is free."""
        self._show = show
        self._timer: asyncio.TimerHandle | None = None
        self.system = ""
        """For the log."""
        self.holder: ca.Client | None = None
        self.note = ""
        self.lock_s = 0.0
        """How long it lasts; set by who watches over it."""
        self.on_change: Callable[[], None] | None = None
        """Rights are to be asked again. None: nobody watches over the lock."""
        self.may_break: Callable[[ca.Client], bool] = _nobody_may

    def blocks(self, client: ca.Client) -> bool:
        """Whether it keeps this client from writing."""
        return self.holder is not None and not _is_same(self.holder, client)

    @property
    def words(self) -> str:
        """ "locked by anna@10.0.0.5: aligning"; empty: it is free."""
        if self.holder is None:
            return ""
        return f"locked by {_named(self.holder)}: {self.note}"

    def put(self, client: ca.Client | None, note: str) -> None:
        """A client's put. Raises CommandRejected, caproto.Forbidden."""
        if self.on_change is None or client is None:
            raise CommandRejected(NOBODY_WATCHES)
        if self.blocks(client) and not self.may_break(client):
            raise caproto.Forbidden(self.words)
        if not note:
            self._free(f"by {_named(client)}")
            return
        broken = ""
        if self.holder is not None and self.blocks(client):
            broken = f" (broken: it was {self.words})"
        self._stop_timer()
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(self.lock_s, self._free, "its time is over")
        self.holder, self.note = client, note
        log.info("system '%s': %s%s", self.system, self.words, broken)
        self._changed()

    def left(self, client: ca.Client) -> None:
        """A client has gone: its lock goes as well."""
        if client is self.holder:
            self._free("its owner has disconnected")

    def close(self) -> None:
        """No timer is left."""
        self._stop_timer()

    def _free(self, why: str) -> None:
        self._stop_timer()
        if self.holder is None:
            return
        log.info("system '%s': no longer %s (%s)", self.system, self.words, why)
        self.holder, self.note = None, ""
        self._changed()

    def _changed(self) -> None:
        if self.holder is None:
            self._show("", "", "")
        else:
            user, host = self.holder.user or "", self.holder.address[0]
            self._show(user, host, self.note)
        if self.on_change is not None:
            self.on_change()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def _nobody_may(_client: ca.Client) -> bool:
    return False


def _is_same(one: ca.Client, other: ca.Client) -> bool:
    """Whether it is the same user at the same address, by whatever circuit."""
    return (one.user, one.address[0]) == (other.user, other.address[0])


def _named(client: ca.Client) -> str:
    return f"{client.user}@{client.address[0]}"


class LockPvs(PVGroup):  # type: ignore[misc]
    """The PVs of the lock."""

    LOCK = pvproperty(
        value="",
        dtype=KINDS["str"].writable,
        record="stringout",
        doc="Put a note: only you write; empty: free",
    )
    LOCK_OWNER = readback("str", "User who has the lock")
    LOCK_HOST = readback("str", "Address from which it was taken")
    LOCK_NOTE = readback("str", "The note of who has the lock")

    @property
    def lock(self) -> Lock:
        """The lock itself, made at the first use."""
        if not hasattr(self, "_lock"):
            self._lock = Lock(self._show)
        return self._lock

    def _show(self, user: str, host: str, note: str) -> None:
        shown = zip(
            (self.LOCK_OWNER, self.LOCK_HOST, self.LOCK_NOTE, self.LOCK),
            (user, host, note, note),
            strict=True,
        )
        for pv, text in shown:
            ca.post_if_changed(pv, coercer(pv)(text))

    @LOCK.putter
    async def LOCK(self, _instance: object, value: object) -> None:  # noqa: N802
        self.lock.put(ca.putting_client(), str(value).strip())
        raise SkipWrite
