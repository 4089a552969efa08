"""A system that posts what does not fit, or what nobody could send."""

import datetime as dt
import decimal
import threading
from typing import Any, NamedTuple

import numpy as np

from sswd import System


def _itself() -> list[Any]:
    endless: list[Any] = []
    endless.append(endless)
    return endless


class _Liar(int):
    """An int that cannot be made one."""

    __slots__ = ()

    def __int__(self) -> int:
        raise RuntimeError("no number here")


class Wrong(NamedTuple):
    """One value that does not fit."""

    pv: str
    """A template PV, or the configuration of one that is named as the case."""
    value: Any
    words: str
    """What the refusal says."""


FLOAT, FLOATS = '{ type = "float" }', '{ type = "float", length = 5 }'
INT, TEXT = '{ type = "int" }', '{ type = "text" }'
MODE = '{ type = "enum", strings = ["off", "on"] }'
FINITE = '{ type = "float", finite = true }'
FINITES = '{ type = "float", length = 5, finite = true }'
IMAGE = '{ type = "bytes", length = 2000000 }'

WRONG = {
    "too_long": Wrong("values", np.zeros(10_001), "10001 elements, the PV holds 10000"),
    "text_for_numbers": Wrong(FLOATS, "1.5", "no array of numbers"),
    "none": Wrong(FLOATS, None, "None is no value"),
    "an_object": Wrong(FLOATS, object(), "object of type object"),
    "a_lock": Wrong(FLOATS, threading.Lock(), "object of type lock"),
    "ragged": Wrong(FLOATS, [[1.0], [2.0, 3.0]], "ragged or mixed list"),
    "mixed": Wrong(FLOATS, [1.0, "two", None], "ragged or mixed list"),
    "itself": Wrong(FLOATS, _itself(), "nested too deeply"),
    "complex": Wrong(FLOATS, np.array([1j]), "complex128"),
    "large_complex": Wrong(IMAGE, np.zeros(200_000, complex), "complex128"),
    "large_objects": Wrong(
        IMAGE, np.empty(200_000, object), "one element is a NoneType"
    ),
    "records": Wrong(FLOATS, np.zeros(2, [("a", "f8")]), "array of dtype"),
    "dates": Wrong(FLOATS, np.array(["2024-01-01"], "datetime64[D]"), "datetime64"),
    "date": Wrong(INT, dt.datetime(2024, 1, 1, tzinfo=dt.UTC), "datetime"),
    "decimal": Wrong(INT, decimal.Decimal("1.5"), "no whole number"),
    "text_for_int": Wrong(INT, "1", "is no number"),
    "fraction": Wrong(INT, 1.5, "no whole number"),
    "nan_for_int": Wrong(INT, float("nan"), "no whole number"),
    "none_for_int": Wrong(INT, None, "None is no value"),
    "two_for_one": Wrong(INT, [1, 2], "2 elements, the PV holds 1"),
    "large_int": Wrong(INT, 2**31, "32-bit int"),
    "huge_int": Wrong(INT, 2**100, "integer outside 64 bits"),
    "bytes_for_float": Wrong(FLOAT, b"1.5", "is no number"),
    "nan_for_finite": Wrong(FINITE, float("nan"), "not finite"),
    "inf_in_finite": Wrong(FINITES, [1.0, float("inf")], "finite = true"),
    "no_state": Wrong(MODE, "fly", "none of 'off', 'on'"),
    "no_index": Wrong(MODE, 7, "no index"),
    "long_text": Wrong("message", "x" * 10_001, "10001 bytes, the PV holds 10000"),
    "endless_text": Wrong(TEXT, "x" * 100_000_000, "text of 100000000 characters"),
    "endless_list": Wrong(FLOATS, ["x"] * 3_000_000, "list of 3000000 texts"),
    "endless_bytes": Wrong(TEXT, b"x" * 100_000_000, "100000000 bytes"),
    "no_text": Wrong(TEXT, {"a": 1}, "object of type dict"),
    "liar": Wrong(TEXT, _Liar(7), "_Liar cannot be copied: RuntimeError"),
    "unknown": Wrong("NOPE", 1.0, "no such PV"),
    "the_command": Wrong("CMD", "echo", "no such PV"),
    "a_status": Wrong("CMD_STATE", "DONE", "no such PV"),
    "a_worker_pv": Wrong("WORKER:STATE", "FATAL", "no such PV"),
    "a_field": Wrong("values.DESC", "x", "no such PV"),
    "odd_name": Wrong("\udcff\0", 1.0, "no such PV"),
}
"""What the IOC refuses."""

PVS = "\n".join(
    f"{name.upper()} = {wrong.pv}"
    for name, wrong in WRONG.items()
    if wrong.pv.startswith("{")
)
"""The PVs of those, for the configuration."""


def wrong_post(name: str) -> tuple[str, Any]:
    """(PV, value) to post."""
    wrong = WRONG[name]
    return (name.upper() if wrong.pv.startswith("{") else wrong.pv), wrong.value


ODD: dict[str, tuple[str, Any]] = {
    "nan": ("values", [float("nan")]),
    "empty": ("values", []),
    "inf": ("values", [float("inf"), -float("inf")]),
    "bools": ("values", [True, False]),
    "matrix": ("values", np.ones((2, 3))),
    "strided": ("values", np.arange(10.0)[::-3]),
    "big_endian": ("values", np.arange(3, dtype=">i2")),
    "float16": ("values", np.ones(2, np.float16)),
    "scalar": ("values", np.float32(1.5)),
    "one_in_a_list": ("NUMBER", [3]),
    "whole_float": ("NUMBER", 4.0),
    "a_bool": ("NUMBER", True),
    "index": ("MODE", 1),
    "surrogate": ("message", "caf\udce9"),
    "bytes": ("message", b"caf\xe9"),
    "nul": ("message", "a\0b"),
    "number_as_text": ("message", 12),
    "int_ack": ("ACK", 1),
    "long_ack": ("ACK", "1 " + "x" * 100),
}
"""What is published, perhaps in another form."""


class Poster(System):
    """`CMD` is a name in WRONG or ODD, or a word of its own."""

    def on_CMD(self, text: str) -> None:
        word, _, how = text.partition(" ")
        if word == "good":
            self.io_put({"values": [1.0, 2.0], "message": "good"})
        elif word == "reset":
            self.io_put({"NUMBER": 5, "MODE": "off"})
        elif word == "raise":
            raise FileNotFoundError("caf\udce9" * int(how or 1))
        elif word == "log":
            self.log.warning("no file caf\udce9")
        elif word != "echo":
            self._post(*(ODD[word] if word in ODD else wrong_post(word)), how)

    def _post(self, pv: str, value: Any, how: str) -> None:
        if how == "classic":
            self.io_put_queue.put({pv: value})
        elif how == "among":
            self.io_put({"NUMBER": 6, pv: value, "MODE": "on"})
        else:
            self.io_put(pv, value)
