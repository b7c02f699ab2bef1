"""`metalease explain NET dhcp`: each option of an answer, and which level gave it."""

import argparse
import time
from collections.abc import Callable
from dataclasses import replace
from ipaddress import IPv4Address
from typing import Any

from dhcp.bindings import Binding
from dhcp.boot import ARCHITECTURES
from dhcp.clients import describe_client
from dhcp.codes import BROADCAST_FLAG
from dhcp.codes import MessageType
from dhcp.codes import Op
from dhcp.codes import OptionCode
from dhcp.decision import Probe
from dhcp.decision import Reply
from dhcp.decision import Silence
from dhcp.decision import name_of
from dhcp.destination import Arrival
from dhcp.errors import MalformedMessage
from dhcp.formats import octets
from dhcp.hardware import HardwareAddress
from dhcp.levels import levels
from dhcp.message import Message
from dhcp.option_text import describe_option
from dhcp.options import Options
from dhcp.responder import Responder

from ..errors import SettingsError
from ..hosted import Surroundings
from ..layout import Layout
from ..pool_state import load_pool
from ..pool_state import read_clock
from ..settings import Settings
from ..state import State
from .explanation import print_explanation
from .explanation import read_state

NOBODY = HardwareAddress(bytes(5) + b"\x02")  # our own MAC, which the question has not
ANYWHERE = IPv4Address(0)
ECHOED = (61, 82, 97)
TIMES = (51, 58, 59)
FAREWELLS = ("decline", "release")


def explain_dhcp(options: argparse.Namespace, layout: Layout) -> int:
    files = layout.network(options.network)
    settings, state = read_state(files)
    try:
        mac = HardwareAddress.parse(options.mac)
    except ValueError as problem:
        raise SettingsError("MAC", str(problem)) from None
    shared = Surroundings(settings, layout).shared()
    network = replace(settings.network, shares_bridge=shared)
    if options.server is None and options.type in FAREWELLS:
        # RFC 2131 table 5: it says which server it means, and means ours
        options.server = str(network.server_ids[0])
    request = _message(options, mac)
    source = request.ciaddr
    responder = Responder(network, state.table, NOBODY)
    found: dict[str, Any] = {"client": str(mac), "asks": options.type.upper()}
    now = time.monotonic()
    if settings.pool.addresses and state.table.find(mac.octets) is None:
        clock = read_clock(now)
        responder.pool = load_pool(settings, files, state.table, clock)
    decision = responder.respond(request, Arrival(mac, source), now)
    if isinstance(decision, Probe) and responder.pool is not None:
        found["probe"] = f"{decision.address}: first it is asked for on the link"
        responder.pool.judge(mac.octets, decision.address, now, in_use=False)
        decision = responder.respond(request, Arrival(mac, source), now)
    if not settings.dhcp:
        found["answer"] = "silence: [dhcp] enabled = false"
    elif isinstance(decision, Reply):
        found |= _answer(request, decision, settings, state)
    elif isinstance(decision, Silence):
        found["answer"] = f"silence: {decision.reason.value}"
        bad_file = state.problems.get(f"{mac.digits}.json")
        if bad_file is not None:
            found["because"] = str(bad_file)
    print_explanation(found, as_json=options.json)
    return 0


def _message(options: argparse.Namespace, mac: HardwareAddress) -> Message:
    values: dict[int, bytes] = {}
    if options.type != "bootp":
        values[OptionCode.MESSAGE_TYPE] = bytes([MessageType[options.type.upper()]])
    for flag, code, read in (
        ("requested", OptionCode.REQUESTED_IP_ADDRESS, _packed),
        ("server", OptionCode.SERVER_ID, _packed),
        ("prl", OptionCode.PARAMETER_REQUEST_LIST, _codes),
        ("vendor_class", OptionCode.VENDOR_CLASS_ID, str.encode),
        ("client_id", OptionCode.CLIENT_ID, octets),
        ("user_class", OptionCode.USER_CLASS, str.encode),
        ("architecture", OptionCode.CLIENT_ARCHITECTURE, _architecture),
    ):
        said = getattr(options, flag)
        if said is not None:
            values[code] = _read(f"--{flag.replace('_', '-')}", said, read)
    for each in options.send:
        code, _, value = each.partition("=")
        if not (code.isascii() and code.isdigit() and 0 < int(code) < 255):
            raise SettingsError("--send", f"{each!r} is not like 43=0x0104")
        values[int(code)] = _read("--send", value, octets)
    ciaddr, giaddr = (
        IPv4Address(_read(f"--{flag}", said, _packed)) if said else ANYWHERE
        for flag, said in (("ciaddr", options.ciaddr), ("relay", options.relay))
    )
    message = Message(
        op=Op.BOOTREQUEST,
        chaddr=mac.octets,
        flags=BROADCAST_FLAG if options.broadcast else 0,
        ciaddr=ciaddr,
        giaddr=giaddr,
        options=Options(values),
    )
    try:
        return Message.parse(message.pack())  # as the daemon gets it
    except MalformedMessage as problem:
        raise SettingsError("the message", str(problem)) from None


def _read(flag: str, said: str, read: Callable[[str], bytes]) -> bytes:
    try:
        return read(said)
    except ValueError as problem:
        raise SettingsError(flag, str(problem)) from None


def _packed(text: str) -> bytes:
    return IPv4Address(text).packed


def _architecture(text: str) -> bytes:
    """Read a number of option 93, or its word in a network's file."""
    known = ARCHITECTURES.get(text)
    if known is not None:
        return known[0].to_bytes(2, "big")
    if not (text.isascii() and text.isdigit() and int(text) < 65_536):
        words = ", ".join(ARCHITECTURES)
        raise ValueError(f"{text!r} is none of {words}, nor a number of option 93")
    return int(text).to_bytes(2, "big")


def _codes(text: str) -> bytes:
    words = [word for word in text.split(",") if word]
    if not all(word.isascii() and word.isdigit() and int(word) < 256 for word in words):
        raise ValueError(f"{text!r} is not like 1,3,6,121")
    return bytes(map(int, words))


def _answer(
    request: Message, reply: Reply, settings: Settings, state: State
) -> dict[str, Any]:
    to = reply.destination
    # a relay is answered by the way that its frame came, and there is no frame here
    link = "the MAC of the relay" if request.relayed else to.hardware
    message = Message.parse(reply.payload)
    network = settings.network
    client_id = request.options.get(OptionCode.CLIENT_ID)
    binding = state.table.find(request.chaddr, client_id)
    if binding is None and request.options.message_type == MessageType.INFORM:
        binding = state.table.at(request.ciaddr)
    place = network.range_of(reply.source)
    assert place is not None  # it answers from one of its own addresses
    client = describe_client(request.options, network.classes, network.boot)
    origins = {
        code: level
        for level, values in levels(network, place, binding, client)
        for code in values
    }
    bound = binding is not None and binding.lease_time is not None
    origins |= dict.fromkeys(TIMES, "binding" if bound else "network")
    if OptionCode.LEASE_TIME in request.options:
        origins |= dict.fromkeys(TIMES, "client, within the lease_time here")
    origins |= dict.fromkeys(ECHOED, "echo")
    origins[OptionCode.CLIENT_FQDN] = origins.get(OptionCode.HOST_NAME, "rule")
    return {
        "answer": name_of(reply.kind),
        "because": reply.text or _because(request, reply, binding),
        "address": str(message.yiaddr),
        "to": f"{to.address} port {to.port}, {link}",
        "octets": len(reply.payload),
        "boot_file": message.file.rstrip(b"\0").decode("ascii", "replace"),
        "options": [
            {
                "code": code,
                "name": OptionCode(code).name.lower(),
                "value": describe_option(code, value),
                "from": origins.get(code, "rule"),
            }
            for code, value in message.options
        ],
        "left_out": list(reply.dropped),
        "notes": [note.value for note in reply.notes],
    }


def _because(request: Message, reply: Reply, binding: Binding | None) -> str:
    if request.options.message_type == MessageType.INFORM:
        return "it has an address, and asks for the rest"
    if reply.address == ANYWHERE:
        return "nobody has bound it: option 116 says what then"
    mac = HardwareAddress(request.chaddr)
    if binding is None:
        return f"{reply.address} is the pool's, for {mac}"
    by = "" if binding.hardware == mac else ", by client-id"
    return f"{reply.address} is bound to {binding.hardware}{by}"
