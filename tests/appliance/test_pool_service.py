"""The pool as a daemon has it: its files, its numbers, its lines in the log."""

from collections.abc import Awaitable
from collections.abc import Callable
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import trio

from appliance.journal import Journal
from appliance.metrics import Metrics
from appliance.pool_service import PoolService
from appliance.pool_service import Served
from appliance.state import Change
from dhcp.codes import MessageType
from dhcp.decision import Reason
from dhcp.decision import Reply
from dhcp.decision import Silence
from dhcp.guards import Guards
from dhcp.message import Message
from dhcp.responder import Responder
from dhcp.server import Answered
from dhcp.server import Event
from dhcp.server import serve
from tests.dhcp.guest import SERVER_HARDWARE
from tests.dhcp.guest import Guest
from tests.dhcp.inn import IMPOSTOR
from tests.dhcp.inn import Link
from tests.dhcp.room import RATE
from tests.dhcp.room import ListPort

from .house import N1
from .house import House
from .house import ip
from .house import mac

POOL = '\n[dhcp]\npool = ["10.0.0.200-10.0.0.203"]\n'
FIRST, SECOND = ip(200), ip(201)
GUEST, OTHER = Guest(mac(1)), Guest(mac(2))


@pytest.fixture
def house(tmp_path: Path) -> House:
    house = House.build(tmp_path, N1 + POOL)
    house.files.own.mkdir(parents=True)
    return house


class Lines(Journal):
    """A log that is a list."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[tuple[str, dict[str, object]]] = []

    def log(self, event: str, **fields: object) -> None:
        self.lines.append((event, fields))

    def told_more_than(self, number: int) -> bool:
        return len(self.states()) > number

    def states(self) -> list[object]:
        return [fields["state"] for _, fields in self.lines if "state" in fields]


@dataclass
class Inn:
    """A pool that serves, beside a link and a port that are lists."""

    service: PoolService
    responder: Responder
    link: Link
    port: ListPort
    metrics: Metrics
    decided: list[Reply | Silence]

    async def hear(self, guest: Guest, message: Message) -> Reply | Silence:
        """Say *message*; return what is decided in the end."""
        before = len(self.decided)
        self.port.arrive(guest.frame(message, message.ciaddr))
        await self.until(lambda: len(self.decided) > before)
        return self.decided[-1]

    async def until(self, true: Callable[[], bool]) -> None:
        with trio.fail_after(20):
            while not true():  # noqa: ASYNC110 # a thread's work, which has no event
                await trio.sleep(0.01)

    async def boot(self, guest: Guest) -> None:
        offer = await self.hear(guest, guest.discover())
        assert isinstance(offer, Reply)
        await self.hear(guest, guest.select(offer.address))

    def held(self) -> list[tuple[str, str]]:
        return [
            (each["ip"], each["state"]) for each in self.service.listing()["leases"]
        ]

    def numbers(self) -> dict[str, float]:
        self.service.measure()
        lines = self.metrics.text().splitlines()
        return {
            name: float(value)
            for name, _, value in (line.rpartition(" ") for line in lines)
            if not name.startswith("#")
        }


def in_daemon(
    house: House,
    scenario: Callable[[Inn], Awaitable[None]],
    lines: Lines | None = None,
) -> Lines:
    """Run *scenario* beside a pool over the files of *house*; return its log."""
    lines = Lines() if lines is None else lines

    async def main() -> None:
        settings, state = house.settings(), house.state()
        state.load()
        port, link, metrics = ListPort(), Link(), Metrics("1")
        responder = Responder(settings.network, state.table, SERVER_HARDWARE)

        decided: list[Reply | Silence] = []

        def observe(events: Sequence[Event], seconds: float) -> None:
            decided.extend(
                each.decision for each in events if isinstance(each, Answered)
            )

        served = Served(port, link, responder, observe)  # type: ignore[arg-type] # lists
        service = PoolService(
            settings, house.files, state.table, served, lines, metrics
        )
        service.load()
        inn = Inn(service, responder, link, port, metrics, decided)
        guards = Guards(state.table.knows, known=RATE, unknown=RATE)
        async with trio.open_nursery() as nursery:
            await service.start(nursery)

            async def run() -> None:
                await serve(port, responder, guards, observe, waiting=service.waiting)

            nursery.start_soon(run)
            await scenario(inn)
            nursery.cancel_scope.cancel()

    trio.run(main)
    return lines


def test_a_lease_is_there_after_a_restart(house: House) -> None:
    """dhcp 29: what was promised is known to the next daemon; it says how much."""

    async def first(inn: Inn) -> None:
        await inn.boot(GUEST)
        assert inn.held() == [(str(FIRST), "leased")]

    async def second(inn: Inn) -> None:
        assert inn.held() == [(str(FIRST), "leased")]
        await inn.hear(GUEST, GUEST.renew(FIRST))
        assert inn.link.probes == []

    lines = in_daemon(house, first)
    assert lines.lines == [("pool", {"addresses": 4, "held": 0})]
    lines = in_daemon(house, second)
    assert lines.lines == [("pool", {"addresses": 4, "held": 1})]


def test_the_numbers(house: House) -> None:
    """dhcp 72: leases, quarantined addresses and probes are counted; who has an address
    in use is told."""

    async def scenario(inn: Inn) -> None:
        inn.link.stations = {FIRST: IMPOSTOR}
        await inn.boot(GUEST)
        numbers = inn.numbers()
        assert numbers["metalease_dhcp_pool_addresses"] == 4
        assert numbers["metalease_dhcp_leases"] == 1
        assert numbers["metalease_dhcp_quarantined"] == 1
        assert numbers['metalease_dhcp_probes_total{outcome="in_use"}'] == 1
        assert numbers['metalease_dhcp_probes_total{outcome="free"}'] == 1
        assert numbers["metalease_dhcp_lease_journal_failures_total"] == 0

    lines = in_daemon(house, scenario)
    assert ("address_in_use", {"ip": FIRST, "by": IMPOSTOR}) in lines.lines


def test_a_disk_that_refuses_is_told_at_once_and_counted(house: House) -> None:
    """dhcp 69: before the first guest comes, and for each that gets no answer; damaged
    records too."""
    house.files.leases.mkdir()

    async def scenario(inn: Inn) -> None:
        failures = "metalease_dhcp_lease_journal_failures_total"
        await inn.until(lambda: inn.numbers()[failures] > 1)  # unread, unwritten
        before = inn.numbers()[failures]
        await inn.boot(GUEST)
        assert inn.held() == [(str(FIRST), "offered")]
        last = inn.decided[-1]
        assert isinstance(last, Silence)
        assert last.reason is Reason.UNRECORDED
        assert inn.numbers()[failures] > before

    lines = in_daemon(house, scenario)
    told = [fields["what"] for event, fields in lines.lines if event == "lease_journal"]
    assert told
    assert all(str(house.files.leases) in str(what) for what in told)


def test_damaged_records_are_counted(house: House) -> None:
    """dhcp 69: they are told, and the pool begins without them."""
    house.files.leases.write_bytes(b"no\nrecords\n")

    async def scenario(inn: Inn) -> None:
        assert inn.numbers()["metalease_dhcp_lease_records_damaged_total"] == 2
        await inn.boot(GUEST)
        assert inn.held() == [(str(FIRST), "leased")]

    lines = in_daemon(house, scenario)
    assert lines.lines[0][1] == {"what": f"{house.files.leases}: 2 damaged records"}


def test_who_is_bound_loses_its_lease(house: House) -> None:
    """dhcp 30: at once, and for good: its address is another's, after a restart too."""

    async def first(inn: Inn) -> None:
        await inn.boot(GUEST)
        house.bind(1, ip="10.0.0.11")
        state = house.state()
        state.load()
        inn.service.follow(Change(put=tuple(state.records.values())))
        assert inn.held() == []
        await inn.until(lambda: b" free " in house.files.leases.read_bytes())

    async def second(inn: Inn) -> None:
        assert inn.held() == []
        await inn.boot(OTHER)

    in_daemon(house, first)
    house.file(1).unlink()
    in_daemon(house, second)


def test_what_is_reserved_is_not_given_away(house: House) -> None:
    """dhcp 15: name servers of the network, in a pool by mistake, stay theirs."""
    text = (N1 + POOL).replace("10.0.0.53", "10.0.0.200")
    house.files.settings.write_text(text)

    async def scenario(inn: Inn) -> None:
        await inn.boot(GUEST)
        assert inn.held() == [(str(SECOND), "leased")]

    in_daemon(house, scenario)


def test_a_shared_bridge_is_told(house: House) -> None:
    """dhcp 74: that the pool sleeps, and that it is awake again."""
    lines = Lines()
    said = ["asleep: another network shares the bridge", "awake"]

    async def scenario(inn: Inn) -> None:
        for shared in (True, False):
            told = len(lines.states())
            network = inn.responder.network
            inn.responder.network = replace(network, shares_bridge=shared)
            assert inn.service.listing()["asleep"] is shared
            await inn.until(partial(lines.told_more_than, told))
        assert lines.states() == said

    in_daemon(house, scenario, lines)


def test_who_has_a_lease_is_known(house: House) -> None:
    """dhcp 71: a flood of strangers does not take its turn."""

    async def scenario(inn: Inn) -> None:
        await inn.hear(GUEST, GUEST.discover())
        assert not inn.service.lends_to(GUEST.hardware.octets)
        await inn.boot(GUEST)
        assert inn.service.lends_to(GUEST.hardware.octets)
        kind = Message.parse(inn.port.sent[-1][42:]).options.message_type
        assert kind == MessageType.ACK

    in_daemon(house, scenario)
