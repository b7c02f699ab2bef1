"""A server that decides nothing: `python -m benchmarks.reflector COUNT SERVER DEVICE`.

Its answers are prepared, so what `dhcp` measures against it is the sender's own limit.
"""

import sys
from ipaddress import IPv4Address

from .bench import address
from .bench import mac
from .guests import DISCOVER
from .guests import REQUEST
from .guests import Frames
from .guests import enclose
from .guests import places
from .guests import xid
from .ring import Ring
from .ring import word

HARDWARE = bytes.fromhex("020000000002")
LOOKS = 200
PATIENCE = 3600.0  # seconds


def answer(place: int, number: int, kind: int, server: IPv4Address) -> bytes:
    """Return an answer that is right as far as the sender looks."""
    hardware = bytes.fromhex(mac(number).replace(":", ""))
    ends = server.packed + IPv4Address(address(number)).packed
    message = bytes([2, 1, 6, 0]) + xid(place, kind).to_bytes(4, "big") + bytes(8)
    return enclose(hardware + HARDWARE, (67, 68), ends, message + ends[4:])


def main(count: int, server: IPv4Address, device: str) -> None:
    answers = {
        word(xid(place, kind).to_bytes(4, "big")): answer(place, number, kind, server)
        for place, number in enumerate(places(count))
        for kind in (DISCOVER, REQUEST)
    }
    frames = Frames([*answers.values()])
    reply = dict(zip(answers, frames.headers, strict=True)).__getitem__
    ring = Ring.open(device, 67)
    print("serves", flush=True)
    looks = 0
    while True:
        xids, _ = ring.take()
        if xids:
            ring.send(b"".join(map(reply, xids)))
            looks = 0
        elif (looks := looks + 1) > LOOKS:
            ring.wait(PATIENCE)


if __name__ == "__main__":
    main(int(sys.argv[1]), IPv4Address(sys.argv[2]), sys.argv[3])
