"""An upstream name server, as small as can be: `python -I -S answering.py ADDRESS`.

Every name has one address, for an hour; what else it is asked for is not there.
"""

import socket
import struct
import sys

A = b"\0\1\0\1"  # a question's type and class
ANSWER = b"\xc0\x0c\0\1\0\1" + struct.pack("!IH", 3600, 4) + bytes((192, 0, 2, 80))


def answer(query: bytes) -> bytes:
    end = query.index(b"\0", 12) + 5
    found = query[end - 4 : end] == A
    head = query[:2] + b"\x81\x80" + struct.pack("!4H", 1, found, 0, 0)
    return head + query[12:end] + (ANSWER if found else b"")


def main(address: str) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as serving:
        serving.bind((address, 53))
        while True:
            query, peer = serving.recvfrom(4096)
            serving.sendto(answer(query), peer)


if __name__ == "__main__":
    main(sys.argv[1])
