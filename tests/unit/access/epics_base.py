"""EPICS base's own access security, asked through ctypes: a program of its own.

It reads a JSON list of questions and writes the list of answers: see `Question`. The
library keeps one file for a whole process and writes its errors to standard error.
"""

import ctypes as c
import importlib
import json
import sys
import tempfile
from pathlib import Path
from typing import TypedDict


class Question(TypedDict):
    """What one file gives these clients."""

    text: str
    macros: str
    inputs: list[float | None]
    """Of every group; None: not connected."""
    clients: list[tuple[str, int, str, str]]
    """(ASG, level, user, address)."""


class Node(c.Structure):
    pass


Node._fields_ = [("next", c.c_void_p), ("previous", c.c_void_p)]


class List(c.Structure):
    _fields_ = [("node", Node), ("count", c.c_int)]


class Base(c.Structure):
    _fields_ = [("uag", List), ("hag", List), ("asg", List)]


class Asg(c.Structure):
    _fields_ = [
        ("node", Node),
        ("name", c.c_char_p),
        ("inputs", List),
        ("rules", List),
        ("members", List),
        ("values", c.POINTER(c.c_double)),
        ("bad", c.c_ulong),
        ("changed", c.c_ulong),
    ]


class Client(c.Structure):
    _fields_ = [
        ("node", Node),
        ("member", c.c_void_p),
        ("user", c.c_char_p),
        ("host", c.c_char_p),
        ("private", c.c_void_p),
        ("callback", c.c_void_p),
        ("level", c.c_int),
        ("access", c.c_int),
        ("trap", c.c_int),
    ]


def library() -> c.CDLL:
    folder = Path(importlib.import_module("epicscorelibs").__file__).parent / "lib"
    com = c.CDLL(str(folder / "libCom.so"))
    com.asInitFile.argtypes = [c.c_char_p, c.c_char_p]
    com.asInitFile.restype = c.c_long
    com.asAddMember.argtypes = [c.POINTER(c.c_void_p), c.c_char_p]
    com.asAddClient.argtypes = [
        *(c.POINTER(c.POINTER(Client)), c.c_void_p, c.c_int, c.c_char_p, c.c_char_p)
    ]
    com.asRemoveClient.argtypes = [c.POINTER(c.POINTER(Client))]
    com.asRemoveMember.argtypes = [c.POINTER(c.c_void_p)]
    com.asComputeAsg.argtypes = [c.POINTER(Asg)]
    c.c_int.in_dll(com, "asCheckClientIP").value = 1
    return com


def set_inputs(com: c.CDLL, inputs: list[float | None]) -> None:
    base = c.cast(c.c_void_p.in_dll(com, "pasbase"), c.POINTER(Base)).contents
    at = base.asg.node.next
    while at:
        asg = c.cast(at, c.POINTER(Asg))
        for number, value in enumerate(inputs):
            asg.contents.values[number] = 0.0 if value is None else value
            if value is None:
                asg.contents.bad |= 1 << number
            asg.contents.changed |= 1 << number
        com.asComputeAsg(asg)
        at = asg.contents.node.next


def answer(com: c.CDLL, question: Question) -> list[tuple[int, bool]] | None:
    """(0 none, 1 read, 2 write; trapped) of each client; None: the file is refused."""
    macros = question["macros"].encode() or None
    with tempfile.NamedTemporaryFile("w", suffix=".acf") as file:
        file.write(question["text"])
        file.flush()
        if com.asInitFile(file.name.encode(), macros):
            return None
    set_inputs(com, question["inputs"])
    found = []
    for group, level, user, host in question["clients"]:
        member, client = c.c_void_p(), c.POINTER(Client)()
        kept = c.create_string_buffer(group.encode())
        if com.asAddMember(c.byref(member), kept):
            raise RuntimeError(f"no member of {group}")
        names = [c.create_string_buffer(name.encode()) for name in (user, host)]
        if com.asAddClient(c.byref(client), member, level, *names):
            raise RuntimeError(f"no client of {group}")
        found.append((client.contents.access, bool(client.contents.trap)))
        com.asRemoveClient(c.byref(client))
        com.asRemoveMember(c.byref(member))
    return found


if __name__ == "__main__":
    com_library = library()
    questions = json.load(sys.stdin)
    json.dump([answer(com_library, each) for each in questions], sys.stdout)
