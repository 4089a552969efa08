"""What a Channel Access server answers to a search by UDP."""

import struct

HEAD = struct.Struct("!HHHHII")
ITSELF = 0xFFFFFFFF


def answer(port: int, ip: int = ITSELF, place: int = 0) -> bytes:
    return HEAD.pack(6, 8, port, 0, ip, place) + bytes(8)
