"""The packet socket for ARP, on a veth pair of its own: see wire.py."""

from ipaddress import IPv4Address

import pytest
import trio

from dhcp.arp import REPLY
from dhcp.arp import REQUEST
from dhcp.arp import probe
from dhcp.arp_port import ArpPort

from .guest import ADDRESS
from .guest import SERVER_HARDWARE
from .guest import Guest
from .inn import claim
from .namespace import in_namespace
from .namespace import ip
from .wire import port_and_peer
from .wire import seen

ASKED = IPv4Address("10.0.0.200")
CLAIM = claim(ASKED)
UNFIT = {
    # at which octet, what: no ARP, no Ethernet, no IPv4, other lengths
    "IPv6": (12, "86dd"),
    "hardware of another kind": (14, "0006"),
    "another protocol": (16, "86dd"),
    "longer hardware addresses": (18, "08"),
    "longer addresses": (19, "10"),
}


def heard(port: ArpPort, seconds: float = 0.2) -> list[bytes]:
    """Return what arrives, if something does."""

    async def listen() -> list[bytes]:
        with trio.move_on_after(seconds):
            return await port.receive()
        return []

    return trio.run(listen)


@pytest.mark.machine
@in_namespace
def test_it_hears_only_what_it_listens_for() -> None:
    """RFC 826: ARP about IPv4 on Ethernet, while it listens; before and after nothing
    is queued, whatever the link is full of."""
    with port_and_peer() as (_, peer):
        port = ArpPort.open("inner0")
        assert port.hardware == SERVER_HARDWARE
        peer.send(CLAIM)
        assert heard(port) == []
        port.listen()
        peer.send(CLAIM)
        assert heard(port, 5) == [CLAIM]
        for at, digits in UNFIT.values():
            new = bytes.fromhex(digits)
            peer.send(CLAIM[:at] + new + CLAIM[at + len(new) :])
        peer.send(Guest().frame(Guest().discover()))
        last = claim(ADDRESS, operation=REQUEST, target=ASKED)
        peer.send(last)
        assert heard(port, 5) == [last]
        port.ignore()
        peer.send(CLAIM)
        assert heard(port) == []
        port.close()


def _is_reply(frame: bytes) -> bool:
    return frame[20:22] == REPLY.to_bytes(2, "big")


@pytest.mark.machine
@in_namespace
def test_a_kernel_answers_a_probe() -> None:
    """RFC 5227 section 2.1.1: who has the address answers, and learns nothing of us."""
    with port_and_peer():
        ip("netns add other")
        ip("link set outer0 netns other")
        ip("-n other link set outer0 up")
        ip(f"-n other address add {ASKED}/24 dev outer0")
        port = ArpPort.open("inner0")
        port.listen()
        answers: list[bytes] = []
        for _ in range(50):  # the link may not be up yet
            assert port.send(probe(ASKED, SERVER_HARDWARE))
            frames = heard(port)
            answers = [each for each in frames if _is_reply(each)]
            if answers:
                break
        answer = answers[0]
        assert answer[28:32] == ASKED.packed
        port.close()


@pytest.mark.machine
@in_namespace
def test_a_probe_is_on_the_link() -> None:
    """It leaves as it is: a whole frame, to everyone."""
    with port_and_peer() as (_, peer):
        port = ArpPort.open("inner0")
        frame = probe(ASKED, SERVER_HARDWARE)
        assert port.send(frame)
        found, _ = seen(peer, lambda each: each[12:14] == b"\x08\x06")
        assert found == frame
        port.close()


@pytest.mark.machine
@in_namespace
def test_a_device_that_is_down_or_gone() -> None:
    """Nothing is sent, nothing is raised; one that never was cannot be opened."""
    with port_and_peer():
        port = ArpPort.open("inner0")
        port.listen()
        frame = probe(ASKED, SERVER_HARDWARE)
        ip("link set inner0 down")
        assert not port.send(frame)
        assert heard(port) == []
        ip("link set inner0 up")
        assert port.send(frame)
        ip("link delete outer0")
        assert not port.send(frame)
        assert heard(port) == []
        port.close()
    with pytest.raises(OSError, match="No such device"):
        ArpPort.open("inner0")
