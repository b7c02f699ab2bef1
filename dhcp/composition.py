"""Answers in octets: the fixed fields, the options, the place where they go.

RFC 2131 table 3 says what each field of an answer holds.
"""

from collections.abc import Iterable
from dataclasses import replace
from ipaddress import IPv4Address

from .assembly import KEPT
from .assembly import LENT
from .assembly import ONLY_IF_SENT
from .assembly import Fitted
from .assembly import Menu
from .assembly import fit
from .assembly import largest
from .assembly import name_by_fqdn
from .boot import FILE_AT_MOST
from .boot import BootAnswer
from .boot import is_pxe
from .codes import BROADCAST_FLAG
from .codes import MessageType
from .codes import Op
from .codes import OptionCode
from .decision import Note
from .decision import Reply
from .destination import Arrival
from .destination import choose_destination
from .message import NOWHERE
from .message import Message
from .network import Network
from .network import Range
from .options import encode_option
from .options import encode_options


def compose_answer(
    request: Message,
    arrival: Arrival,
    kind: MessageType | None,
    *,
    network: Network,
    place: Range,
    menu: Menu,
    yiaddr: IPv4Address,
    lease_options: Iterable[tuple[int, bytes]],
    notes: tuple[Note, ...],
) -> Reply:
    """Return an OFFER, an ACK or a BOOTREPLY that gives what is on the *menu*."""
    head = b"" if kind is None else _head(kind, place) + encode_options(lease_options)
    if kind is MessageType.ACK and request.options.message_type == MessageType.DISCOVER:
        head += encode_option(OptionCode.RAPID_COMMIT, b"")
    fitted = fit(
        head,
        {**name_by_fqdn(menu, request), **_echoes(request, menu, network)},
        _agent(request, network),
        octets=largest(request, network.mtu),
        lent=_lent(request, menu.boot),
    )
    if fitted.dropped:
        notes += (Note.DROPPED_OPTION,)
    reply = _reply_to(request, yiaddr, fitted)
    if kind is not MessageType.OFFER:
        reply = replace(reply, ciaddr=request.ciaddr)
    if menu.boot is not None:
        reply = _booting(reply, menu.boot)
    return Reply(
        kind,
        reply.pack_with(fitted.options),
        choose_destination(request, arrival, kind, yiaddr, network.reply),
        place.server_id,
        yiaddr,
        notes=notes,
        dropped=fitted.dropped,
    )


def compose_nak(
    request: Message,
    arrival: Arrival,
    text: str,
    *,
    network: Network,
    place: Range,
    notes: tuple[Note, ...],
) -> Reply:
    """Return a NAK, which carries nearly nothing, and why."""
    kind = MessageType.NAK
    fitted = fit(
        _head(kind, place) + encode_option(OptionCode.MESSAGE, text.encode()),
        _client_id(request, network),
        _agent(request, network),
        octets=largest(request, network.mtu),
        lent=KEPT,
    )
    reply = _reply_to(request, NOWHERE, fitted)
    if request.relayed:  # the relay must broadcast it (RFC 2131 section 4.3.2)
        reply = replace(reply, flags=reply.flags | BROADCAST_FLAG)
    return Reply(
        kind,
        reply.pack_with(fitted.options),
        choose_destination(request, arrival, kind, NOWHERE, network.reply),
        place.server_id,
        NOWHERE,
        text=text,
        notes=notes,
    )


def compose_refusal(
    request: Message, arrival: Arrival, network: Network
) -> Reply | None:
    """Return the OFFER of no address, with option 116 (RFC 2563 section 2.3).

    None where it was not sent, or is not configured.
    """
    kind, place = MessageType.OFFER, network.ranges[0]
    value = network.options.get(ONLY_IF_SENT)
    if value is None or ONLY_IF_SENT not in request.options:
        return None
    fitted = fit(
        _head(kind, place) + encode_option(OptionCode.AUTO_CONFIGURE, value),
        _client_id(request, network),
        _agent(request, network),
        octets=largest(request, network.mtu),
        lent=KEPT,
    )
    # there is no address to send it to
    to_all = replace(request, flags=request.flags | BROADCAST_FLAG)
    return Reply(
        kind,
        _reply_to(request, NOWHERE, fitted).pack_with(fitted.options),
        choose_destination(to_all, arrival, kind, NOWHERE, network.reply),
        place.server_id,
        NOWHERE,
    )


def _lent(request: Message, boot: BootAnswer | None) -> tuple[int, int]:
    """Return what option 52 can borrow: nothing of who has sent no request list."""
    if OptionCode.PARAMETER_REQUEST_LIST not in request.options:
        return KEPT
    if boot is None:
        return LENT
    return 0, 0 if boot.server_name else LENT[1]


def _booting(reply: Message, boot: BootAnswer) -> Message:
    """Return *reply* with the file in its header, where old loaders look."""
    file = boot.file if len(boot.file) <= FILE_AT_MOST else b""
    return replace(
        reply,
        siaddr=boot.server or NOWHERE,
        file=file,
        sname=boot.server_name or reply.sname,
    )


def _echoes(request: Message, menu: Menu, network: Network) -> dict[int, bytes]:
    """Return what the client sent and waits to see again."""
    echoes = {}
    options = request.options
    if ONLY_IF_SENT in options and ONLY_IF_SENT in menu.available:
        echoes[int(ONLY_IF_SENT)] = encode_option(
            ONLY_IF_SENT, menu.available[ONLY_IF_SENT]
        )
    machine = options.get(OptionCode.CLIENT_MACHINE_ID)
    if machine is not None and is_pxe(options):
        echoes[OptionCode.CLIENT_MACHINE_ID] = encode_option(
            OptionCode.CLIENT_MACHINE_ID, machine
        )
    return {**echoes, **_client_id(request, network)}


def _client_id(request: Message, network: Network) -> dict[int, bytes]:
    """Return the client-id, to be echoed (RFC 6842)."""
    client_id = request.options.get(OptionCode.CLIENT_ID)
    if client_id is None or not network.echo_client_id:
        return {}
    return {OptionCode.CLIENT_ID: encode_option(OptionCode.CLIENT_ID, client_id)}


def _agent(request: Message, network: Network) -> bytes:
    """Return what a relay has added, to be echoed as the last (RFC 3046)."""
    agent = request.options.get(OptionCode.RELAY_AGENT_INFORMATION)
    if agent is None or not (request.relayed or network.trust_option_82):
        return b""
    return encode_option(OptionCode.RELAY_AGENT_INFORMATION, agent)


def _head(kind: MessageType, place: Range) -> bytes:
    return encode_option(OptionCode.MESSAGE_TYPE, bytes([kind])) + encode_option(
        OptionCode.SERVER_ID, place.server_id.packed
    )


def _reply_to(request: Message, yiaddr: IPv4Address, fitted: Fitted) -> Message:
    """Return the fixed fields of an answer (RFC 2131 table 3)."""
    return Message(
        op=Op.BOOTREPLY,
        htype=request.htype,
        hlen=request.hlen,
        xid=request.xid,
        flags=request.flags,
        yiaddr=yiaddr,
        giaddr=request.giaddr,
        chaddr=request.chaddr,
        file=fitted.file,
        sname=fitted.sname,
    )
