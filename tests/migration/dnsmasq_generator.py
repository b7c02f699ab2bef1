"""Configurations of dnsmasq, drawn: hosts and options in every form, at every level."""

from collections.abc import Iterator
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

SENTINEL = "dhcp-host=fa:16:3e:00:01:64,10.0.0.200,sentinel"
"""Who is asked after each question (tests/oracles/questions.py)."""


@dataclass(frozen=True, slots=True)
class Subnet:
    """One that dnsmasq serves; its second address is dnsmasq's."""

    head: str
    """Its first three octets."""
    width: int
    netmask: str

    @property
    def interface(self) -> str:
        return f"{self.head}.2/{self.width}"


@dataclass(frozen=True, slots=True)
class Asker:
    """Who has a line of its own; who has none has no address yet."""

    mac: str
    ip: str | None
    client_id: bytes | None = None
    """None: what its client sends."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """A configuration, and who asks it."""

    text: str
    interfaces: tuple[str, ...]
    askers: tuple[Asker, ...]


SUBNETS = (
    Subnet("10.0.0", 24, "255.255.255.0"),
    Subnet("10.1.16", 20, "255.255.240.0"),
)
UNNAMED = (12, 43, 51, 114, 249)
"""Options whose names dnsmasq 2.90 does not take."""
BOOTING = (
    "dhcp-boot=pxelinux.0",
    "dhcp-boot=pxelinux.0,boot.example,10.0.0.4",
    "dhcp-boot=tag:!ipxe,undionly.kpxe,,10.0.0.4",
    "dhcp-boot=tag:ipxe,http://10.0.0.4/boot.ipxe",
    "dhcp-boot=tag:red,red.0,,10.0.0.5",
)
OF_CLIENTS = (
    "dhcp-option=vendor:MSFT,2,1i",
    "dhcp-option=vendor:PXEClient,6,2b",
    "dhcp-option=tag:windows,44,10.0.0.88",
    "dhcp-option=tag:windows,252,http://10.0.0.4/wpad.dat",
    "dhcp-option=tag:ipxe,42,10.0.0.33",
)
LEASES = ("infinite", "1d", "12h", "45m", "3600", "300s", "2w")
ROUTES = (
    "10.9.0.0/16,{head}.9",
    "0.0.0.0/0,{head}.1,10.9.0.0/16,{head}.9",
    "0.0.0.0/0,{head}.1,169.254.169.254/32,{head}.2,10.128.0.0/9,{head}.7",
    "192.0.2.128/25,{head}.1,10.9.9.9/32,{head}.9,172.16.0.0/12,{head}.7",
)
OPTIONS: dict[int, tuple[str, tuple[str, ...]]] = {
    1: ("netmask", ("{netmask}",)),
    2: ("time-offset", ("3600",)),
    3: ("router", ("{head}.1", "{head}.1", "{head}.9", "")),
    6: ("dns-server", ("10.0.0.53", "10.0.0.53,10.0.0.54", "0.0.0.0", "")),
    12: ("hostname", ("told",)),
    15: ("domain-name", ("one.example", "two.example", "")),
    17: ("root-path", ("/srv/root",)),
    23: ("default-ttl", ("64",)),
    26: ("mtu", ("1400", "9000")),
    33: ("static-route", ("10.8.0.0,{head}.9",)),
    40: ("nis-domain", ("nis.example",)),
    42: ("ntp-server", ("10.0.0.3", "10.0.0.3,10.0.0.4", "0.0.0.0")),
    43: ("vendor-encap", ("01:04:00:00:00:02",)),
    44: ("netbios-ns", ("10.0.0.8",)),
    46: ("netbios-nodetype", ("8",)),
    51: ("lease-time", ("1h", "600")),
    66: ("tftp-server", ("10.0.0.4", "tftp.example")),
    100: ("posix-timezone", ("EST5EDT",)),
    114: ("captive-portal", ("http://10.0.0.4/",)),
    119: ("domain-search", ("a.example", "a.example,b.c.test", "b.a.test,c.a.test")),
    121: ("classless-static-route", ROUTES),
    249: ("microsoft-249", ROUTES),
    150: ("tftp-server-address", ("10.0.0.4", "10.0.0.4,10.0.0.5")),
    224: ("", ("words", '"10.0.0.1, or so"')),
    225: ("", ("1:2:ff", "ab:cd")),
    226: ("", ("7", "700", "70000", "5i", "5s", "5b")),
    227: ("", ("10.1.2.3", "10.1.2.3,10.1.2.4", "0.0.0.0")),
}


def draw(seed: int) -> Drawn:
    """Return one configuration, the same for the same *seed*."""
    random = Random(seed)
    subnets = SUBNETS[: random.choice((1, 1, 2))]
    hosts, askers = _hosts(random, subnets)
    lines = [
        *("interface=inner0", "bind-interfaces", "no-ping", "leasefile-ro"),
        *("no-hosts", "no-resolv", random.choice(("port=0", "cache-size=150"))),
        *(random.choice(("", "domain=net1.example")),),
        *(_range(random, each) for each in subnets),
        *(line for each in subnets for line in _usual(random, each)),
        *(_option(random, subnets) for _ in range(random.randrange(3, 25))),
        *_of_clients(random),
        *("dhcp-option=tag:second,3", "dhcp-option=tag:second,6"),
        *(random.choice(("", "tag-if=set:blue,tag:red,tag:!green")),),
        *(random.choice(("", "dhcp-ignore=tag:green,tag:red")),),
        *hosts,
        SENTINEL,
    ]
    if random.random() < 0.4:
        # who has no line asks too: a pool answers it
        askers += (Asker("02:00:00:00:0b:01", None),)
    text = "".join(f"{line}\n" for line in lines if line)
    return Drawn(text, tuple(each.interface for each in subnets), askers)


def _range(random: Random, subnet: Subnet) -> str:
    tag = f"set:net-{subnet.width},"
    span = f"{subnet.head}.100,{subnet.head}.120"
    if random.random() < 0.7:
        span = f"{subnet.head}.0,static"
    lease = random.choice(("", *(f",{each}" for each in LEASES)))
    return f"dhcp-range={tag}{span},{subnet.netmask}{lease}"


def _usual(random: Random, subnet: Subnet) -> Iterator[str]:
    """Yield what nearly every network says: a router, an MTU, the metadata's route."""
    head, before = subnet.head, f"dhcp-option=tag:net-{subnet.width}"
    if random.random() < 0.9:
        yield f"{before},option:router,{head}.1"
    if random.random() < 0.9:
        yield f"{before},26,1450"
    if random.random() < 0.7:
        routes = f"0.0.0.0/0,{head}.1,169.254.169.254/32,{head}.2"
        for code in (121, 249):
            yield f"{before},{code},{routes}"


def _of_clients(random: Random) -> Iterator[str]:
    """Yield what goes by what a client says, and boot files."""
    yield "dhcp-vendorclass=set:windows,MSFT"
    yield "dhcp-match=set:ipxe,175"
    yield from (each for each in OF_CLIENTS if random.random() < 0.2)
    if random.random() < 0.4:
        yield from random.sample(BOOTING, random.randrange(1, 3))


def _option(random: Random, subnets: Sequence[Subnet]) -> str:
    code = random.choice(tuple(OPTIONS))
    name, values = OPTIONS[code]
    subnet = random.choice(subnets)
    said = random.choice(values).format(head=subnet.head, netmask=subnet.netmask)
    plain = not name or code in UNNAMED or random.random() < 0.5
    tags = [f"net-{subnet.width}"] if len(subnets) > 1 else []
    tags += random.choice(
        ((), (), ("red",), ("green",), ("blue",), ("red", "blue"), ("!red",))
    )
    key = random.choice(("dhcp-option", "dhcp-option", "dhcp-option-force"))
    kind = random.choice(("tag:", "tag:", "net:"))
    words = [
        *(f"{kind}{tag}" for tag in tags),
        str(code) if plain else f"option:{name}",
    ]
    return f"{key}={','.join(words)}{f',{said}' if said else ''}"


def _hosts(
    random: Random, subnets: Sequence[Subnet]
) -> tuple[list[str], tuple[Asker, ...]]:
    lines: list[str] = []
    askers: list[Asker] = []
    for number in range(1, random.randrange(3, 7)):
        mac, ip = (
            f"02:00:00:00:0a:{number:02x}",
            f"{_head(random, subnets)}.{number + 10}",
        )
        words = list(_words(random, mac, ip, number))
        own = None
        if random.random() < 0.15:  # its MAC finds it, or this
            own = bytes.fromhex("ff0a00") + bytes([number])
            words.insert(1, f"id:{own.hex(':')}")
        elif random.random() < 0.1:
            words.insert(1, "id:*")
        askers.append(Asker(mac, ip, own))
        lines.append(f"dhcp-host={','.join(words)}")
    return lines, tuple(askers)


def _head(random: Random, subnets: Sequence[Subnet]) -> str:
    return random.choice(subnets).head


def _words(random: Random, mac: str, ip: str, number: int) -> Iterator[str]:
    yield random.choice((mac, mac.upper(), f"1-{mac}"))
    for tag in ("red", "green"):
        if random.random() < 0.4:
            yield f"{random.choice(('set:', 'net:'))}{tag}"
    yield ip
    if random.random() < 0.1:
        yield "set:second"  # a further NIC, without a name, as ZStack and neutron have
        return
    if random.random() < 0.85:
        yield random.choice((f"vm{number}", f"vm{number}.host.example", f"Vm-{number}"))
    if random.random() < 0.4:
        yield random.choice(LEASES)
    if random.random() < 0.1:
        yield "ignore"
