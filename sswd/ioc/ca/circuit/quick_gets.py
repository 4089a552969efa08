"""The gets that a cached payload answers: nearly all. Most cost a look-up."""

import struct

from sswd.ioc.ca.circuit.channel import Channel
from sswd.ioc.ca.circuit.output import Output
from sswd.ioc.ca.codec import protocol
from sswd.ioc.ca.pv.served_pv import ServedPv

_SPLIT = struct.Struct("!12s4s").unpack_from
_ASK = struct.Struct("!HHHHI")
"""A header up to its last field: what differs between two gets of the same is ioid."""
MAX_ANSWERS = 1024
LONGEST_ANSWER = 64
"""Bytes of a payload that is kept: a client chooses what it asks, not our memory."""

Answer = tuple[ServedPv, int, bytes, bytes]
"""ServedPv and its version then; the reply: header to ioid, payload."""


class QuickGets:
    """Answers READ_NOTIFYs of one circuit. Loop thread only.

    The answers are kept: a hundred gets in one packet are answered 1.2 to 1.8 times as
    fast as from the payloads alone (347,000 a second against 282,000, medians of W2 of
    `bench`; 541,000 against 307,000 at best).
    """

    __slots__ = ("_channels", "_output", "answers")

    def __init__(self, channels: dict[int, Channel], output: Output) -> None:
        self._channels = channels
        self._output = output
        self.answers: dict[bytes, Answer] = {}

    def serve(self, data: bytearray, at: int, end: int, budget: int) -> int:
        """Answer the gets of plain values from `at` on; how many they were.

        What was asked before and has not changed since is answered by a look-up.
        """
        answers, output = self.answers, self._output
        parts = output.parts
        served = size = 0
        room = output.high - output.asked_bytes
        while served < budget and size <= room and end - at >= protocol.HEADER.size:
            ask, ioid = _SPLIT(data, at)
            answer = answers.get(ask)
            if (
                answer is None
                or answer[0].version != answer[1]
                or not answer[0].is_as_noted()
            ):
                answer = self._answer_to(ask)
                if answer is None:
                    break
            body = answer[3]
            parts += (answer[2], ioid, body)
            size += 16 + len(body)
            served += 1
            at += 16
        output.unsent_bytes += size
        output.asked_bytes += size
        return served

    def forget(self) -> None:
        """A channel is gone, or may do something else than before."""
        self.answers.clear()

    def _answer_to(self, ask: bytes) -> Answer | None:
        """Make and keep the answer to a get, known by all of its header but the ioid;
        None: it is none, or needs more than a cached payload."""
        cmd, size, dtype, count, sid = _ASK.unpack(ask)
        channel = self._channels.get(sid)
        if cmd != protocol.READ_NOTIFY or size or channel is None or not channel.quick:
            return None
        if dtype > protocol.LAST_TYPE:
            return None
        served_pv = channel.served_pv
        try:
            payload = served_pv.wire((dtype, count, channel.long_string, channel.arr))
        except ValueError:
            return None
        body = payload.body
        if not isinstance(body, bytes):
            return None
        head = _ASK.pack(cmd, payload.size, dtype, payload.elements, protocol.NORMAL)
        answer = (served_pv, served_pv.version, head, body)
        # Units and limits, which GR and CTRL types have, may change unnoticed.
        if dtype < protocol.GR and payload.size <= LONGEST_ANSWER:
            if len(self.answers) >= MAX_ANSWERS:
                self.answers.clear()
            self.answers[ask] = answer
        return answer
