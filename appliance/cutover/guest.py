"""The probe guest: a namespace with a veth into the bridge, which is used and removed.

Its names are made from the network's alone, so that one which a kill has left is found
by who puts everything back.
"""

import os
import socket
import struct
from collections.abc import Iterator
from collections.abc import Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path
from typing import Final
from typing import Self

import trio

from dhcp.arp import ArpPacket
from dhcp.arp import probe
from dhcp.codes import MessageType
from dhcp.errors import MalformedMessage
from dhcp.frames import TYPE_IPV4
from dhcp.hardware import HardwareAddress
from dhcp.message import Message

from .. import inside
from .. import kernel
from .. import namespace
from .. import veth
from ..attachment import METADATA_ADDRESS
from ..attachment import Bridged
from ..errors import SettingsError
from ..namespace import entered
from ..veth import VETH_MTU
from ..veth import Pair
from . import exchange
from .exchange import Lease

DEVICE: Final = "eth0"
ANSWER_WITHIN: Final = 10.0  # seconds
ASK_EVERY: Final = 1.0  # seconds
PROBES: Final = 2
PROBE_SECONDS: Final = 0.2  # a station on the same bridge answers in microseconds
FRAME_AT_MOST: Final = 65536  # octets
PAGE_AT_MOST: Final = 65536  # octets

_IN_THE_WAY: Final = "is there, and the probe guest needs its name"
_TYPE_ARP: Final = 0x0806
_PORT: Final = b"\xfe"
"""The first octet of its port's MAC: the bridge must not take it for its own."""


@dataclass(frozen=True, slots=True)
class Guest:
    """Where it is, and who."""

    bridge: str
    namespace: str
    port: str
    mac: HardwareAddress

    @classmethod
    def of(cls, pair: Pair) -> Self:
        mac = veth.hardware_address(f"probe {pair.network}", str(pair.mac))
        return cls(
            pair.where.bridge,
            f"metalease-probe-{pair.network}",
            f"mlprobe{pair.number}",
            mac,
        )

    @property
    def path(self) -> Path:
        return namespace.path(self.namespace)

    def refuse_another(self) -> None:
        """Raise SettingsError where something else has its names."""
        if kernel.link(self.port) is not None:
            way_out = f"ip link del {self.port}"
            raise SettingsError(f"link {self.port}", f"{_IN_THE_WAY}: {way_out}")
        if os.path.lexists(self.path):
            way_out = f"ip netns del {self.namespace}"
            raise SettingsError(
                f"namespace {self.namespace}", f"{_IN_THE_WAY}: {way_out}"
            )

    def plug(self) -> None:
        """Make it, and have its port forward. Raises SettingsError."""
        bridge = kernel.link(self.bridge)
        if bridge is None or bridge.kind != "bridge":
            raise SettingsError(f"link {self.bridge}", "is no bridge")
        try:
            namespace.make(Bridged(self.bridge, self.namespace, self.path))
            with entered(self.path):
                quiet = {"ipv6/conf/default/disable_ipv6": "1"}
                inside.set_settings(quiet)  # it says nothing that nobody asked for
            self._join(bridge.index)
        except OSError as problem:
            raise SettingsError("the probe guest", str(problem)) from None

    def _join(self, bridge: int) -> None:
        handle = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        # a port of a smaller MTU would lower that of the bridge
        peer = {"ifname": DEVICE, "mtu": VETH_MTU, "address": str(self.mac)}
        outer = str(HardwareAddress(_PORT + self.mac.octets[1:]))
        try:
            with inside.route() as ip:
                ip.link(
                    "add",
                    ifname=self.port,
                    kind="veth",
                    mtu=VETH_MTU,
                    address=outer,
                    peer={**peer, "net_ns_fd": handle},
                )
                index = inside.device(self.port).index
                ip.link("set", index=index, master=bridge, state="up")
        finally:
            os.close(handle)
        with entered(self.path), inside.route() as ip:
            ip.link("set", index=inside.device(DEVICE).index, state="up")

    def unplug(self) -> None:
        """Remove it, whatever of it is there. Raises SettingsError."""
        try:
            link = kernel.link(self.port)
            if link is not None:
                with inside.route() as ip:
                    ip.link("del", index=link.index)
            if os.path.lexists(self.path):  # else there is nothing to write for
                namespace.unname(self.path)
        except OSError as problem:
            raise SettingsError("the probe guest", str(problem)) from None

    async def find_free(self, candidates: Sequence[IPv4Address]) -> IPv4Address:
        """Return the first that no station has (RFC 5227); raises SettingsError."""
        with self._packets(_TYPE_ARP) as packets:
            for each in candidates:
                if not await self._is_used(packets, each):
                    return each
        used = ", ".join(map(str, candidates))
        what = f"all are in use by somebody who is not bound: {used}"
        raise SettingsError("an address for the probe guest", what)

    async def _is_used(self, packets: socket.socket, address: IPv4Address) -> bool:
        for _ in range(PROBES):
            packets.send(probe(address, self.mac))
            with trio.move_on_after(PROBE_SECONDS):
                while True:
                    await trio.lowlevel.wait_readable(packets)
                    if _claims(packets.recv(FRAME_AT_MOST), address, self.mac):
                        return True
        return False

    async def boot(self) -> Lease:
        """Make the exchange of RFC 2131; raises SettingsError."""
        xid = int.from_bytes(os.urandom(4), "big")
        with self._packets(TYPE_IPV4) as packets:
            asked = exchange.discover(self.mac, xid)
            offer = await self._ask(packets, asked, xid, MessageType.OFFER)
            asked = exchange.request(self.mac, xid, offer)
            ack = await self._ask(packets, asked, xid, MessageType.ACK)
        try:
            lease = Lease.of(ack)
        except MalformedMessage as problem:
            raise SettingsError("the probe guest's ACK", str(problem)) from None
        return lease

    async def _ask(
        self, packets: socket.socket, frame: bytes, xid: int, wanted: MessageType
    ) -> Message:
        with trio.move_on_after(ANSWER_WITHIN):
            while True:
                packets.send(frame)
                with trio.move_on_after(ASK_EVERY):
                    found = await self._hear(packets, xid)
                    if found.options.message_type == wanted:
                        return found
                    if found.options.message_type == MessageType.NAK:
                        break
        said = f"no {wanted.name} in {ANSWER_WITHIN:.0f} s"
        raise SettingsError("the probe guest", f"{said}: its MAC is {self.mac}")

    async def _hear(self, packets: socket.socket, xid: int) -> Message:
        while True:
            await trio.lowlevel.wait_readable(packets)
            found = exchange.answer(packets.recv(FRAME_AT_MOST), self.mac, xid)
            if found is not None:
                return found

    def configure(self, lease: Lease) -> None:
        """Give it its address, and its way to the metadata. Raises SettingsError."""
        try:
            with entered(self.path), inside.route() as ip:
                index = inside.device(DEVICE).index
                inside.add_addresses(DEVICE, [lease.address])
                way = {"gateway": str(lease.router)} if lease.router else {}
                ip.route("replace", dst=f"{METADATA_ADDRESS}/32", oif=index, **way)
        except OSError as problem:
            raise SettingsError("the probe guest", str(problem)) from None

    async def read(self, port: int) -> tuple[int, str]:
        """GET its instance-id; return status and body. Raises SettingsError."""
        where = f"the probe guest's GET at port {port}"
        with self._opened(socket.SOCK_STREAM) as stream:
            try:
                with trio.fail_after(ANSWER_WITHIN):
                    await stream.connect((str(METADATA_ADDRESS), port))
                    await stream.send(exchange.GET)
                    octets = b""
                    while len(octets) < PAGE_AT_MOST and (
                        more := await stream.recv(PAGE_AT_MOST)
                    ):
                        octets += more
            except OSError as problem:
                raise SettingsError(where, str(problem)) from None
            except trio.TooSlowError:
                what = f"no answer in {ANSWER_WITHIN:.0f} s"
                raise SettingsError(where, what) from None
        return exchange.read_page(octets)

    async def resolve(self, server: IPv4Address, address: IPv4Address) -> int:
        """Ask *server* for the name of *address*; return the RCODE.

        Raises SettingsError.
        """
        where = f"the probe guest's question to {server} port 53"
        number = struct.unpack("!H", os.urandom(2))[0]
        question = exchange.name_question(address, number)
        with self._opened(socket.SOCK_DGRAM) as datagrams:
            try:
                await datagrams.connect((str(server), 53))
                with trio.move_on_after(ANSWER_WITHIN):
                    while True:
                        await datagrams.send(question)
                        with trio.move_on_after(ASK_EVERY):
                            octets = await datagrams.recv(FRAME_AT_MOST)
                            code = exchange.name_answer(octets, number)
                            if code is not None:
                                return code
            except OSError as problem:
                raise SettingsError(where, str(problem)) from None
        raise SettingsError(where, f"no answer in {ANSWER_WITHIN:.0f} s")

    @contextmanager
    def _packets(self, kind: int) -> Iterator[socket.socket]:
        with entered(self.path):
            opened = socket.socket(
                socket.AF_PACKET, socket.SOCK_RAW, socket.htons(kind)
            )
        with opened:
            opened.setblocking(False)
            opened.bind((DEVICE, kind))
            yield opened

    @contextmanager
    def _opened(self, kind: int) -> Iterator[trio.socket.SocketType]:
        with entered(self.path):
            opened = socket.socket(socket.AF_INET, kind)
        with trio.socket.from_stdlib_socket(opened) as found:
            yield found


def _claims(frame: bytes, address: IPv4Address, ours: HardwareAddress) -> bool:
    try:
        packet = ArpPacket.parse(frame)
    except MalformedMessage:
        return False
    return packet.claimed == address and packet.sender_hardware != ours
