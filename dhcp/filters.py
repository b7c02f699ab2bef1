"""Kernel filters of sockets: classic BPF programs, as in linux/filter.h."""

import ctypes
import socket
import struct
from collections.abc import Sequence

SO_ATTACH_FILTER = 26
INSTRUCTION = struct.Struct("HBBI")  # code, jump if true, jump if false, k

Program = Sequence[tuple[int, int, int, int]]

NOTHING: Program = ((0x06, 0, 0, 0),)


def attach(to: socket.socket, program: Program) -> None:
    """Let *to* hear what *program* lets through, in place of what it had before."""
    octets = b"".join(INSTRUCTION.pack(*each) for each in program)
    held = ctypes.create_string_buffer(octets)
    pointer = struct.pack("HP", len(program), ctypes.addressof(held))
    to.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, pointer)
