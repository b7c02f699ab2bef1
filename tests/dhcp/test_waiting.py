"""Probes beside a server, on a clock that jumps over every wait."""

from dataclasses import replace
from ipaddress import IPv4Address

import pytest
import trio
import trio.testing

from dhcp.arp import REQUEST
from dhcp.decision import Reason
from dhcp.decision import Silence
from dhcp.lease import Use
from dhcp.message import NOWHERE
from dhcp.pool import Pool
from dhcp.server import Deferred
from dhcp.waiting import ADDRESSES_AT_MOST
from dhcp.waiting import PROBE_WAIT
from dhcp.waiting import PROBES_AT_ONCE
from dhcp.waiting import Outcome
from dhcp.waiting import Probed

from .guest import ADDRESS
from .guest import SERVER_HARDWARE
from .guest import Guest
from .inn import ALL_PROBES
from .inn import IMPOSTOR
from .inn import Inn
from .inn import claim
from .inn import frame
from .inn import in_inn
from .lodgers import FIRST
from .lodgers import GUEST
from .lodgers import OTHER
from .lodgers import SECOND
from .lodgers import hardware


def test_an_offer_waits_for_its_probes() -> None:
    """dhcp 18: two probes and then the OFFER, without that the client asks again; a
    guest that is bound is answered meanwhile, at once."""

    async def scenario(inn: Inn) -> None:
        await inn.hear(frame(GUEST.discover()))
        assert inn.events == [Deferred()]
        assert inn.link.listens
        await trio.sleep(PROBE_WAIT + 0.01)
        assert (inn.link.probes, inn.said()) == ([FIRST] * 2, [])
        await inn.hear(Guest().frame(Guest().discover()))
        assert [each.yiaddr for each in inn.said()] == [ADDRESS]
        await trio.sleep(PROBE_WAIT)
        assert [each.yiaddr for each in inn.said()] == [ADDRESS, FIRST]
        assert inn.probed == [Probed(FIRST, Outcome.FREE, None)]
        assert not inn.link.listens

    in_inn(scenario)


def test_an_address_in_use_is_skipped() -> None:
    """dhcp 34: who answers is told, his address rests, the next one is probed and
    offered; a journal is told."""

    async def scenario(inn: Inn) -> None:
        inn.link.stations = {FIRST: IMPOSTOR}
        await inn.hear(frame(GUEST.discover()))
        await trio.sleep(ALL_PROBES)
        assert inn.link.probes == [FIRST, SECOND, SECOND]
        assert [each.yiaddr for each in inn.said()] == [SECOND]
        assert inn.probed == [
            Probed(FIRST, Outcome.IN_USE, IMPOSTOR),
            Probed(SECOND, Outcome.FREE, None),
        ]
        (rests,) = inn.disk.written
        assert (rests.address, rests.use) == (FIRST, Use.QUARANTINED)

    in_inn(scenario)


CLAIMS = {
    # what is heard while FIRST is probed, and whether somebody has it
    "a reply": (claim(FIRST), True),
    "a request of its owner": (
        claim(FIRST, operation=REQUEST, target=ADDRESS),
        True,
    ),
    "another's probe": (claim(NOWHERE, operation=REQUEST, target=FIRST), True),
    "the client's own": (claim(FIRST, GUEST.hardware), False),
    "the client's own probe": (
        claim(NOWHERE, GUEST.hardware, REQUEST, FIRST),
        False,
    ),
    "our own": (claim(FIRST, SERVER_HARDWARE), False),
    "of another address": (claim(SECOND), False),
    "a question for it": (claim(ADDRESS, operation=REQUEST, target=FIRST), False),
    "garbage": (b"\xff" * 42, False),
    "too short": (claim(FIRST)[:41], False),
}


@pytest.mark.parametrize("case", CLAIMS)
def test_who_has_an_address(case: str) -> None:
    """RFC 5227 section 2.1.1: what says that another than the client has it."""
    heard, in_use = CLAIMS[case]

    async def scenario(inn: Inn) -> None:
        await inn.hear(frame(GUEST.discover()))
        inn.link.say(heard)
        await trio.sleep(ALL_PROBES)
        await trio.sleep(ALL_PROBES)
        offered = [each.yiaddr for each in inn.said()]
        assert offered == [SECOND if in_use else FIRST]

    in_inn(scenario)


def test_an_impatient_client() -> None:
    """dhcp 18: whoever asks again meanwhile is answered once, his last message; there
    are no more probes for that."""

    async def scenario(inn: Inn) -> None:
        for xid in range(5):
            await inn.hear(frame(replace(GUEST.discover(), xid=xid)))
        await trio.sleep(ALL_PROBES)
        assert inn.link.probes == [FIRST] * 2
        assert [each.xid for each in inn.said()] == [4]

    in_inn(scenario)


def test_a_device_that_takes_no_probe() -> None:
    """dhcp 44: there is no offer of what could not be asked about; the address is free
    again."""

    async def scenario(inn: Inn) -> None:
        inn.link.takes = False
        await inn.hear(frame(GUEST.discover()))
        assert inn.decided() == [
            Silence(Reason.PROBES_BUSY, "the device takes no probe")
        ]
        assert inn.probed == [Probed(FIRST, Outcome.UNSENT, None)]
        assert inn.pool.held(GUEST.hardware.octets, 0.0) is None

    in_inn(scenario)


def wide(inn: Inn, size: int) -> None:
    """Make the pool a large one."""
    first = IPv4Address("10.0.0.10")
    addresses = [first + number for number in range(size)]
    fresh = Pool(addresses, quarantine=600, taken=lambda address: False)
    vars(inn.pool).update(vars(fresh))


def test_a_flood_is_probed_in_turns() -> None:
    """dhcp 71: so many addresses are asked about at once; others get silence, are
    counted, and keep nothing."""

    async def scenario(inn: Inn) -> None:
        wide(inn, 200)
        guests = [replace(GUEST, hardware=hardware(n)) for n in range(100)]
        await inn.hear(*(frame(each.discover(), each) for each in guests))
        assert inn.events.count(Deferred()) == PROBES_AT_ONCE
        busy = Silence(Reason.PROBES_BUSY)
        assert inn.decided() == [busy] * (100 - PROBES_AT_ONCE)
        assert inn.pool.held(hardware(99).octets, 0.0) is None
        await trio.sleep(ALL_PROBES)
        assert len(inn.said()) == PROBES_AT_ONCE

    in_inn(scenario)


def test_a_link_where_everything_is_in_use() -> None:
    """dhcp 71: one message makes us ask about so many addresses, and no more."""

    async def scenario(inn: Inn) -> None:
        wide(inn, 200)
        inn.link.stations = {IPv4Address(f"10.0.0.{n}"): IMPOSTOR for n in range(250)}
        await inn.hear(frame(GUEST.discover()))
        await trio.sleep(60)
        assert len(inn.link.probes) == ADDRESSES_AT_MOST
        assert inn.decided() == [Silence(Reason.PROBES_BUSY)]

    in_inn(scenario)


def test_rivals_for_one_address() -> None:
    """dhcp 18: two that ask for the same address together get two."""

    async def scenario(inn: Inn) -> None:
        await inn.hear(
            frame(GUEST.discover(SECOND)), frame(OTHER.discover(SECOND), OTHER)
        )
        await trio.sleep(ALL_PROBES)
        assert {each.yiaddr for each in inn.said()} == {FIRST, SECOND}

    in_inn(scenario)
