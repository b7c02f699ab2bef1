"""Leases on their way to the disk, on a clock that jumps over every wait."""

from dataclasses import replace

import trio
import trio.testing

from dhcp.bindings import Binding
from dhcp.codes import MessageType
from dhcp.decision import Reason
from dhcp.decision import Silence
from dhcp.lease import Use
from dhcp.server import Answered
from dhcp.server import Deferred
from dhcp.waiting import MESSAGES_AT_MOST

from .guest import ADDRESS
from .guest import Guest
from .inn import ALL_PROBES
from .inn import Inn
from .inn import boot
from .inn import frame
from .inn import in_inn
from .lodgers import FIRST
from .lodgers import GUEST
from .lodgers import OTHER
from .lodgers import hardware


def test_a_lease_is_written_before_it_is_told() -> None:
    """dhcp 25, 29: an ACK leaves when the disk has its lease, and a renewal too; bound
    guests do not wait for the disk."""

    async def scenario(inn: Inn) -> None:
        inn.disk.slow = 5.0
        await inn.hear(frame(GUEST.discover()))
        await trio.sleep(ALL_PROBES)
        await inn.hear(frame(GUEST.select(FIRST)))
        await inn.hear(Guest().frame(Guest().discover()))
        assert [each.yiaddr for each in inn.said()] == [FIRST, ADDRESS]
        assert inn.disk.written == []
        await trio.sleep(5.1)
        assert inn.said()[-1].options.message_type == MessageType.ACK
        (lease,) = inn.disk.written
        assert (lease.use, lease.address) == (Use.LEASED, FIRST)
        assert inn.pool.held(GUEST.hardware.octets, trio.current_time()) == lease

    in_inn(scenario)


def test_a_disk_that_refuses_means_silence() -> None:
    """dhcp 69: without a record there is no ACK, and a reason; bound guests do not
    notice; when the disk is well again, so are the others."""

    async def scenario(inn: Inn) -> None:
        await inn.hear(frame(GUEST.discover()))
        await trio.sleep(ALL_PROBES)
        inn.disk.takes = False
        sent = len(inn.port.sent)
        await inn.hear(frame(GUEST.select(FIRST)))
        assert len(inn.port.sent) == sent
        (last,) = inn.decided()[-1:]
        assert isinstance(last, Silence)
        assert last.reason is Reason.UNRECORDED
        await inn.hear(Guest().frame(Guest().select()))
        assert inn.said()[-1].options.message_type == MessageType.ACK
        inn.disk.takes = True
        await inn.hear(frame(GUEST.select(FIRST)))
        assert inn.said()[-1].yiaddr == FIRST
        assert len(inn.disk.written) == 1

    in_inn(scenario)


def test_many_leases_are_written_at_once() -> None:
    """dhcp 69: what came while the disk was busy goes to it together."""

    async def scenario(inn: Inn) -> None:
        guests = [replace(GUEST, hardware=hardware(n)) for n in range(4)]
        offers = {}
        for guest in guests:
            await inn.hear(frame(guest.discover(), guest))
            await trio.sleep(ALL_PROBES)
            offers[guest.hardware] = inn.said()[-1].yiaddr
        inn.disk.slow = 1.0
        for guest in guests:
            request = guest.select(offers[guest.hardware])
            await inn.hear(frame(request, guest))
        await trio.sleep(3)
        assert inn.disk.batches == [1, 3]
        kinds = [each.options.message_type for each in inn.said()]
        assert kinds == [MessageType.OFFER] * 4 + [MessageType.ACK] * 4

    in_inn(scenario)


def test_a_binding_that_is_made_while_the_disk_is_slow() -> None:
    """dhcp 30: the address is bound to another before the lease is on the disk: there
    is no ACK, and the journal takes the lease back."""

    async def scenario(inn: Inn) -> None:
        await inn.hear(frame(GUEST.discover()))
        await trio.sleep(ALL_PROBES)
        inn.disk.slow = 1.0
        await inn.hear(frame(GUEST.select(FIRST)))
        inn.responder.bindings.put(Binding(OTHER.hardware, FIRST))
        await trio.sleep(3)
        (last,) = inn.decided()[-1:]
        assert isinstance(last, Silence)
        assert last.reason is Reason.UNRECORDED
        assert [each.use for each in inn.disk.written] == [Use.LEASED, Use.FREE]

    in_inn(scenario)


def test_a_release_and_a_decline_are_written() -> None:
    """dhcp 34, 35: a journal is told, without an answer."""

    async def scenario(inn: Inn) -> None:
        address = await boot(inn)
        await inn.hear(frame(GUEST.release(address)))
        other = await boot(inn, OTHER)
        await inn.hear(frame(OTHER.decline(other), OTHER))
        uses = [hold.use for hold in inn.disk.written]
        assert uses == [Use.LEASED, Use.FREE, Use.LEASED, Use.QUARANTINED]

    in_inn(scenario)


def test_a_leaseholder_is_not_probed_again() -> None:
    """dhcp 18, 27: neither at a renewal nor when it boots anew."""

    async def scenario(inn: Inn) -> None:
        address = await boot(inn)
        inn.link.probes.clear()
        for message in (
            GUEST.discover(),
            GUEST.select(address),
            GUEST.reboot(address),
            GUEST.renew(address),
        ):
            sent = len(inn.port.sent)
            await inn.hear(frame(message))
            assert len(inn.port.sent) == sent + 1
        assert inn.link.probes == []

    in_inn(scenario)


def test_a_disk_that_stands_still() -> None:
    """dhcp 71: so many ACKs wait for it, and no more."""

    async def scenario(inn: Inn) -> None:
        address = await boot(inn)
        inn.disk.slow = 1e6
        renewal = frame(GUEST.renew(address))
        await inn.hear(renewal)  # this one is on its way
        await inn.hear(*[renewal] * (MESSAGES_AT_MOST + 3))
        late = inn.decided()[-3:]
        assert late == [Silence(Reason.UNRECORDED, "the disk is too slow")] * 3
        assert inn.events.count(Deferred()) >= MESSAGES_AT_MOST

    in_inn(scenario)


def test_what_is_answered_late_is_observed() -> None:
    """dhcp 72: the OFFER after a probe, and the ACK after the disk, are events."""

    async def scenario(inn: Inn) -> None:
        await boot(inn)
        answered = [each for each in inn.events if isinstance(each, Answered)]
        kinds = [getattr(each.decision, "kind", None) for each in answered]
        assert kinds == [MessageType.OFFER, MessageType.ACK]
        assert all(each.sent for each in answered)

    in_inn(scenario)
