"""The journal of leases as octets."""

import math
from dataclasses import replace
from ipaddress import IPv4Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.leases import Clock
from appliance.leases import compose
from appliance.leases import decode
from appliance.leases import encode
from appliance.leases import encode_clock
from dhcp.lease import Hold
from dhcp.lease import Use

CLOCK = Clock(wall=1_764_000_000.0, uptime=5_000.0, boot="boot-1", now=100.0)
LATER = replace(CLOCK, wall=CLOCK.wall + 60, uptime=5_060.0, now=7.0)
DAY = 86_400.0
FIRST = IPv4Address("10.0.0.200")
MAC = bytes.fromhex("fa163e000099")
OTHER = bytes.fromhex("fa163e000098")
LEASE = Hold(FIRST, Use.LEASED, MAC, CLOCK.now + DAY)


def after(hold: Hold, then: Clock = CLOCK, now: Clock = LATER) -> Hold:
    """Return *hold* by the clock of a later process: what is left of it is left."""
    return replace(hold, until=hold.until - then.now - (now.wall - then.wall) + now.now)


def test_a_record_is_a_line() -> None:
    """One record a line: checksum, what became of whose address, until, written."""
    line = encode(LEASE, CLOCK)
    said = b" leased 10.0.0.200 fa163e000099 1764086400 1764000000\n"
    assert line[8:] == said
    assert encode(replace(LEASE, until=math.inf), CLOCK).split(b" ")[4] == b"never"
    assert encode(replace(LEASE, hardware=b""), CLOCK).split(b" ")[3] == b"-"


@pytest.mark.parametrize("use", [Use.LEASED, Use.QUARANTINED, Use.FREE])
@pytest.mark.parametrize("until", [DAY, math.inf])
def test_round_trip(use: Use, until: float) -> None:
    """What is read a minute later has a minute less, and else is what was written."""
    hold = Hold(FIRST, use, MAC, CLOCK.now + until)
    found = decode(compose([hold], CLOCK), LATER, lease=DAY)
    assert found.holds == (after(hold),)
    assert (found.records, found.damaged) == (2, 0)


def test_the_order_is_kept() -> None:
    holds = [replace(LEASE, address=FIRST + n) for n in range(5)]
    found = decode(compose(holds, CLOCK), CLOCK, lease=DAY)
    assert found.holds == tuple(holds)


def test_a_kill_at_any_octet_costs_the_last_record_alone() -> None:
    """dhcp 29: a journal that ends anywhere yields every record that is whole, none
    that is not, and says where it has to be cut."""
    holds = [replace(LEASE, address=FIRST + n, hardware=OTHER) for n in range(4)]
    octets = compose(holds, CLOCK)
    ends = [at + 1 for at, octet in enumerate(octets) if octet == 10]
    for length in range(len(octets) + 1):
        found = decode(octets[:length], CLOCK, lease=DAY)
        lines = sum(end <= length for end in ends)
        assert found.holds == tuple(holds[: max(0, lines - 1)])
        assert found.damaged == 0
        assert found.whole == ([0, *ends][lines])


def test_one_octet_that_is_wrong_costs_one_record() -> None:
    """dhcp 29: a damaged record is skipped and counted; the others stand, and the
    address that it seems to be about rests as long as a lease can last."""
    holds = [replace(LEASE, address=FIRST + n) for n in range(3)]
    lines = [encode(hold, CLOCK) for hold in holds]
    rests = after(replace(LEASE, use=Use.QUARANTINED, hardware=b"", until=0.0))
    for at in range(len(lines[1]) - 1):
        for bit in (0x01, 0x10, 0x80):
            wrong = bytearray(lines[1])
            wrong[at] ^= bit
            found = decode(lines[0] + bytes(wrong) + lines[2], CLOCK, lease=600.0)
            others = {hold.address: hold for hold in found.holds}
            assert found.damaged >= 1
            assert others[FIRST] == holds[0] or others[FIRST].use is rests.use
            assert others[FIRST + 2] == holds[2] or others[FIRST + 2].use is rests.use
            for hold in found.holds:
                if hold.use is Use.QUARANTINED:
                    assert (hold.hardware, hold.until) == (b"", CLOCK.now + 600.0)


def test_the_address_of_a_damaged_record_rests() -> None:
    """dhcp 29: it may be leased, nobody knows to whom and until when; what is written
    of it later is right again."""
    wrong = encode(LEASE, CLOCK).replace(b"leased", b"losing")
    found = decode(wrong, CLOCK, lease=DAY)
    rests = Hold(FIRST, Use.QUARANTINED, b"", CLOCK.now + DAY)
    assert found.holds == (rests,)
    assert decode(wrong, CLOCK, lease=math.inf).holds[0].until == math.inf
    later = encode(LEASE, CLOCK)
    assert decode(wrong + later, CLOCK, lease=DAY).holds == (rests, LEASE)


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"no words",
        b"\0" * 40,
        b"00000000 leased 999.0.0.1 - 1 1",
        b"\xff\xfe",
    ],
)
def test_what_is_no_record(line: bytes) -> None:
    """A line without an address that can be read is counted, and no more."""
    found = decode(line + b"\n" + encode(LEASE, CLOCK), CLOCK, lease=DAY)
    assert (found.holds, found.damaged) == ((LEASE,), 1)


@given(st.lists(st.one_of(st.binary(max_size=60), st.just(encode(LEASE, CLOCK)))))
def test_any_octets_are_a_journal(pieces: list[bytes]) -> None:
    """dhcp 69: nothing that a file can hold is more than damaged."""
    octets = b"".join(pieces)
    found = decode(octets, CLOCK, lease=DAY)
    assert 0 <= found.damaged <= found.records
    assert found.whole <= len(octets)


def test_a_record_of_a_later_version_is_damaged() -> None:
    """A checksum that is right does not make sense of what is not known."""
    import zlib

    for said in (b"lent 10.0.0.200 - 1 1", b"leased 10.0.0.200", b"clock x", b"leased"):
        line = b"%08x %s\n" % (zlib.crc32(said), said)
        assert decode(line, CLOCK, lease=DAY).damaged == 1


SET: dict[str, tuple[float, float]] = {
    # by how much the clock was set, and what is left of a day an hour later
    "it is right": (0.0, DAY - 3600),
    "put on by a year": (365 * DAY, DAY - 3600),
    "put back by a year": (-365 * DAY, DAY - 3600),
}


@pytest.mark.parametrize("case", SET)
def test_a_clock_that_was_set_costs_no_lease(case: str) -> None:
    """While the machine was not booted, its uptime says by how much."""
    by, left = SET[case]
    now = Clock(CLOCK.wall + 3600 + by, CLOCK.uptime + 3600, CLOCK.boot, 0.0)
    (hold,) = decode(compose([LEASE], CLOCK), now, lease=DAY).holds
    assert hold.until == pytest.approx(left, abs=1)


def test_a_clock_that_was_set_more_than_once() -> None:
    """Each record is read by the clock that it was written by; a boot ends what is
    known, but for what was written down before."""
    put_on = Clock(CLOCK.wall + 1000, CLOCK.uptime + 10, CLOCK.boot, CLOCK.now + 10)
    second = replace(LEASE, address=FIRST + 1, until=put_on.now + DAY)
    octets = compose([LEASE], CLOCK) + encode_clock(put_on) + encode(second, put_on)
    anew = Clock(put_on.wall + 100, 5.0, "boot-2", 0.0)
    holds = decode(octets, anew, lease=DAY).holds
    assert [hold.until for hold in holds] == pytest.approx(
        [DAY - 110, DAY - 100], abs=1
    )


def test_a_clock_that_was_put_back_over_a_boot() -> None:
    """Then nobody knows by how much: a lease is never longer than it was granted."""
    now = Clock(0.0, 5.0, "boot-2", 0.0)
    (hold,) = decode(compose([LEASE], CLOCK), now, lease=DAY).holds
    assert hold.until == pytest.approx(DAY, abs=1)
