"""What [network] and [dhcp] of a network's file say to guests."""

from ipaddress import IPv4Address
from ipaddress import IPv4Network

from dhcp.assembly import ONLY_IF_ASKED
from dhcp.boot import ARCHITECTURES
from dhcp.boot import Boot
from dhcp.clients import ClientClass
from dhcp.formats import parse_option
from dhcp.network import ALWAYS
from dhcp.network import DAY
from dhcp.network import Network
from dhcp.network import Range
from dhcp.network import ReplyTo
from dhcp.network import RouterWith121

from . import reader
from .attachment import METADATA_ADDRESS
from .reader import Table


def read_ranges(net: Table) -> tuple[Range, ...]:
    """Read the network's first range and those of [[network.also]]."""
    tables = [net, *net.tables("also")]
    ranges: list[Range] = []
    for table in tables:
        subnet = table.demand("subnet", reader.subnet)
        gateway = table.take("gateway", reader.address, None)
        server = table.demand("dhcp_address", reader.address)
        for key, each in (("gateway", gateway), ("dhcp_address", server)):
            if each is not None:
                _check_host(table, key, each, subnet)
        if server == gateway:
            raise table.wrong("dhcp_address", f"{server} is the gateway's already")
        for other in ranges:
            if other.subnet.overlaps(subnet):
                raise table.wrong("subnet", f"{subnet} overlaps {other.subnet}")
        # those of the first range are [dhcp.options]
        options = {} if table is net else read_options(table.inner("options"))
        ranges.append(Range(subnet, server, gateway, options))
        if table is not net:
            table.close()
    return tuple(ranges)


def _check_host(
    table: Table, key: str, address: IPv4Address, subnet: IPv4Network
) -> None:
    if address not in subnet:
        raise table.wrong(key, f"{address} is not in {subnet}")
    if address == METADATA_ADDRESS:
        raise table.wrong(key, f"{address} is where metadata are served")
    if subnet.prefixlen < 31 and address in (
        subnet.network_address,
        subnet.broadcast_address,
    ):
        raise table.wrong(key, f"{address} is {subnet}'s own, no host can have it")


def read_network(
    net: Table, dhcp: Table, ranges: tuple[Range, ...], *, own_dns: bool
) -> Network:
    """Read what [network] and [dhcp] say to guests."""
    routes = net.take("routes", reader.list_of(reader.route), ())
    for each in routes:
        if not any(each.router in place.subnet for place in ranges):
            raise net.wrong("routes", f"{each.router} is not on this network's link")
    return Network(
        ranges=ranges,
        mtu=net.take("mtu", reader.integer(68, 65_535), 1500),
        dns=net.take("dns", reader.list_of(reader.server), ()),
        own_dns=own_dns,
        domain=net.take("domain", reader.domain, None),
        routes=routes,
        lease_time=dhcp.take("lease_time", reader.lease_time, DAY),
        authoritative=dhcp.take("authoritative", reader.flag, False),
        router_with_121=RouterWith121(
            dhcp.take("router_with_121", reader.choice("both", "rfc"), "both")
        ),
        reply=ReplyTo(dhcp.take("reply", reader.choice("auto", "broadcast"), "auto")),
        rapid_commit=dhcp.take("rapid_commit", reader.flag, False),
        echo_client_id=dhcp.take("echo_client_id", reader.flag, True),
        trust_option_82=dhcp.take("trust_option_82", reader.flag, False),
        always=dhcp.take("always", reader.list_of(_unasked), ALWAYS),
        bootp=dhcp.take("bootp", reader.flag, False),
        require_source_mac=dhcp.take("require_source_mac", reader.flag, False),
        nak_per_second=dhcp.take("nak_per_second", reader.integer(1, 1_000), 1),
        nak_removed=dhcp.take("nak_removed", reader.flag, False),
        options=read_options(dhcp.inner("options")),
        classes=tuple(_class(each) for each in dhcp.tables("class")),
        boot=_boot(dhcp),
    )


def _unasked(value: object) -> int:
    """Read an option that is sent although nobody asked for it."""
    code = reader.integer(1, 254)(value)
    if code in ONLY_IF_ASKED:
        raise ValueError(f"option {code} is only for who asks for it: leave it out")
    return code


def _class(table: Table) -> ClientClass:
    """Read one [[dhcp.class]]."""
    vendor = table.take("vendor_class", reader.text, None)
    user = table.take("user_class", reader.text, None)
    architectures = table.take("architecture", reader.list_of(_architecture), ())
    found = ClientClass(
        table.demand("name", reader.text),
        vendor.encode() if vendor else None,
        user.encode() if user else None,
        tuple(number for numbers in architectures for number in numbers),
        read_options(table.inner("options")),
        _boot(table),
    )
    table.close()
    if not (vendor or user or architectures):
        raise table.wrong(
            "name", f"{found.name}: needs vendor_class, user_class or architecture"
        )
    return found


def _architecture(value: object) -> tuple[int, ...]:
    """Read an architecture: its word, or its number of option 93."""
    known = ARCHITECTURES.get(str(value))
    if known is not None:
        return known
    digits = str(value)
    if not (digits.isascii() and digits.isdigit() and int(digits) < 65_536):
        words = ", ".join(ARCHITECTURES)
        raise ValueError(f"is none of {words}, nor a number of option 93")
    return (int(digits),)


def _boot(dhcp: Table) -> Boot | None:
    """Read the table `boot`; None where it is not there, or empty."""
    table = dhcp.inner("boot")
    if not table.left():
        return None
    server = table.take("server", reader.server, None)
    server_name = table.take("server_name", reader.text, "")
    script = table.take("script", reader.text, None)
    files: dict[int, str] = {}
    inner = table.inner("files")
    for key in inner.left():
        name = inner.demand(key, reader.text)
        try:
            numbers = _architecture(key)
        except ValueError as problem:
            raise inner.wrong(key, str(problem)) from None
        twice = [number for number in numbers if number in files]
        if twice:
            raise inner.wrong(key, f"architecture {twice[0]} has a file already")
        files |= dict.fromkeys(numbers, name)
    table.close()
    try:
        return Boot(server, server_name, files, script)
    except ValueError as problem:
        raise dhcp.wrong("boot", str(problem)) from None


def read_options(table: Table) -> dict[int, bytes]:
    """Read a table of options by number; raises SettingsError."""
    options: dict[int, bytes] = {}
    for code, value in table.rest().items():
        try:
            number, octets = parse_option(str(code), reader.text(value))
        except ValueError as problem:
            raise table.mistake(str(code), value, problem) from None
        options[number] = octets
    return options
