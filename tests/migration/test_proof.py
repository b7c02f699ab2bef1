"""The proof: what ZStack's own programs said to its guests, we say too (issue 6.6).

Real dnsmasq and lighttpd serve a host's files, and are asked as real clients ask; then
the host is migrated, served by us on the same addresses, and asked the same.  What is
different is one of DIFFERENCES, each of which has to be seen.
"""

from collections.abc import Iterator
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from appliance.lab.machine import Machine
from dhcp.frames import Frame
from dhcp.message import Message
from tests.oracles.answers import message_of
from tests.oracles.answers import read

from .asking import Answer
from .asking import Asking
from .asking import bootp
from .asking import dhcp_frames
from .asking import later_frames
from .asking import refused_frames
from .asking import release
from .asking import renewal
from .differing import DIFFERENCES
from .differing import Ask
from .differing import Field
from .differing import Option
from .differing import difference
from .differing import difference_of_field
from .differing import differences_of
from .served import House
from .zstack_host import BARE
from .zstack_host import L3
from .zstack_host import OPERATORS
from .zstack_host import Vm
from .zstack_host import vms_of

pytestmark = pytest.mark.machine

KINDS_OF_CLIENT = ("dhclient", "udhcpc", "networkd", "windows")
ALL_CLIENTS = 10  # the first VMs are asked as by each of them
DOCUMENT = Path(__file__).parents[2] / "docs/differences.md"
SECTION = "### To ZStack's pair"


@dataclass(frozen=True, slots=True)
class Told:
    """A DHCP answer: its fields, where it went, and each option; and what was sent."""

    sent: Message
    fields: dict[str, object]
    options: dict[int, bytes]


Heard = dict[tuple[str, ...], Told | Answer | None]
"""By who asked, and what."""


def hear(house: House, vms: Sequence[Vm]) -> Heard:
    """Ask everything of whoever serves now."""
    heard: Heard = {}
    with Asking(house.asking, house.l3) as asking:
        for vm in vms:
            turn = KINDS_OF_CLIENT[vm.number % len(KINDS_OF_CLIENT)]
            clients = KINDS_OF_CLIENT if vm.number < ALL_CLIENTS else (turn,)
            for client in clients:
                for step, frame in dhcp_frames(house.l3, vm, client):
                    said = told(message_of(frame), asking.tell(frame))
                    heard[vm.ip, vm.kind.name, "dhcp", client, step] = said
            with asking.being(vm):
                for client in clients:
                    heard |= hear_later(house, asking, vm, client, naks=client == turn)
                for method, path in questions(vm, vms):
                    body = b"installed" if method == "POST" else b""
                    answer = asking.ask(method, path, body)
                    heard[vm.ip, vm.kind.name, "http", method, path] = answer
    return heard


def hear_later(
    house: House, asking: Asking, vm: Vm, client: str, *, naks: bool
) -> Heard:
    """Ask as who has its address does, then give it back and ask for it again."""
    l3 = house.l3
    heard: Heard = {}
    frames = [*later_frames(l3, vm, client)]
    frames += [*refused_frames(l3, vm, client), bootp(vm)] if naks else ()
    first = renewal(vm, client)
    answers = {"renew": told(first, asking.renew(first))}
    for step, frame in frames:
        answers[step] = told(message_of(frame), asking.tell(frame))
    asking.say(release(l3, vm, client))
    _, frame = next(dhcp_frames(l3, vm, client))
    answers["discover after a release"] = told(message_of(frame), asking.tell(frame))
    for step, answer in answers.items():
        heard[vm.ip, vm.kind.name, "dhcp", client, step] = answer
    return heard


def told(sent: Message, octets: bytes) -> Told:
    found = read(octets)
    frame = Frame.parse(octets, checksum_ready=False)
    # the MAC of who answers is each server's own
    fields = {"kind": found.kind, **found.fixed, "source": frame.source}
    return Told(sent, fields | {"source port": frame.source_port}, found.options)


def questions(vm: Vm, vms: Sequence[Vm]) -> Iterator[tuple[str, str]]:
    """Yield what guests ask for: by real clients' paths, and by odd ones."""
    for path in vm.documents:
        if path.endswith("index.html"):
            continue
        for version in ("latest", "2009-04-04", "openstack/latest"):
            yield "GET", f"/{version}/{path}"
        yield "HEAD", f"/latest/{path}"
    for name in ("user-data", "meta_data.json", "password"):
        yield "GET", f"/openstack/latest/{name}"
    yield "GET", "/latest/user-data?x=1"
    for path in ("meta-data/", "meta-data", "meta-data/absent", "absent", ""):
        yield "GET", f"/latest/{path}"
    for path in (*OPERATORS, "agent_version", "vm-tools.sh", "zwatch-vm-agent"):
        yield "GET", f"/{path}"
    yield "GET", "/zwatch-vm-agent.linux-amd64.bin"
    yield "GET", "/agent-tools-update.sh"
    for path in ("/", "/openstack", "/metrics/job/x", "/absent"):
        yield "GET", path
    yield "POST", "/host/zwatchInstallResult"
    yield "PUT", "/latest/api/token"
    other = next((each for each in vms if each.kind.extra and each != vm), None)
    if other is not None:
        yield "GET", f"/{other.ip}/meta-data/instance-id"
        yield "GET", f"/{other.ip}/notes.txt"
    yield "GET", f"/{vm.ip}/notes.txt"


def differences(
    l3: L3, vms: Sequence[Vm], theirs: Heard, ours: Heard
) -> tuple[set[str], list[str]]:
    """Return which listed differences are seen, and what is not listed."""
    assert theirs.keys() == ours.keys()
    by_ip = {each.ip: each for each in vms}
    seen: set[str] = set()
    strange: list[str] = []
    for question, one in theirs.items():
        two, vm = ours[question], by_ip[question[0]]
        if isinstance(one, Told) and isinstance(two, Told):
            names = _of_dhcp(l3, vm, question[-1], one, two)
        elif isinstance(one, Answer) and isinstance(two, Answer):
            names = differences_of(Ask(vm, " ".join(question[-2:]), one, two))
        else:
            names = iter([] if one == two else [f"{one} and {two}"])
        for each in names:
            if each in DIFFERENCES:
                seen.add(each)
            else:
                strange.append(f"{' '.join(question)}: {each}")
    return seen, strange


def _of_dhcp(l3: L3, vm: Vm, step: str, one: Told, two: Told) -> Iterator[str]:
    for name in one.fields.keys() | two.fields.keys():
        values = one.fields.get(name), two.fields.get(name)
        if values[0] != values[1]:
            yield difference_of_field(Field(one.sent, step, name, *values))
    for code in sorted(one.options.keys() | two.options.keys()):
        theirs, ours = one.options.get(code), two.options.get(code)
        if theirs != ours:
            yield difference(Option(l3, vm, one.sent, step, code, theirs, ours))


def compared(l3: L3, count: int, asked: int | None = None) -> set[str]:
    """Serve *count* VMs by both, ask as *asked* of them, and return what differs."""
    vms = vms_of(l3, count)
    # lighttpd starts with some 4,000 blocks at most: then those who ask have one
    some = vms if asked is None else vms[:: count // asked | 1][:asked]  # of every kind
    callers = None if asked is None else [each for each in some if each.documents]
    with Machine() as machine:
        house = House(machine, l3, vms, callers=callers)
        with house.served_by_theirs():
            theirs = hear(house, some)
        with house.served_by_ours():
            ours = hear(house, some)
    seen, strange = differences(l3, some, theirs, ours)
    assert not strange, "\n".join(strange[:50])
    assert len(theirs) > 20 * len(some)
    return seen


def test_one_guest() -> None:
    """issue 6.6: every option and every document of one VM, byte by byte."""
    assert compared(L3(), 1) < DIFFERENCES


def test_fifty_guests_of_every_kind() -> None:
    """issue 6.6: the same of 50; each difference that is listed is seen."""
    assert compared(L3(), 50) == DIFFERENCES


def test_a_network_that_nobody_said_anything_of() -> None:
    """issue 6.6, zstack 2.2: no DNS server, no domain, no routes: what dnsmasq then
    tells by itself, we tell too."""
    assert compared(BARE, 20) < DIFFERENCES


@pytest.mark.long
def test_ten_thousand_guests() -> None:
    """issue 6.6: a host of 10,000 VMs, of which 60 ask."""
    assert compared(L3(), 10_000, 60) == DIFFERENCES


def test_the_differences_are_those_of_the_document() -> None:
    """issue 6.6: equal, except for what docs/differences.md lists, and why."""
    _, _, behind = DOCUMENT.read_text().partition(SECTION)
    section = behind.partition("\n#")[0]
    rows = [line.split(" | ") for line in section.splitlines() if line[:1] == "|"]
    names = {row[0].removeprefix("| ") for row in rows[2:]}
    assert names == DIFFERENCES
    assert all(len(row) == 4 for row in rows[2:])
