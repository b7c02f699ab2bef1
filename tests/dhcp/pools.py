"""Pools of a few addresses, and clients by number."""

from collections.abc import Iterator
from ipaddress import IPv4Address

from dhcp.lease import Lease
from dhcp.pool import Pool

FIRST = IPv4Address("10.0.0.200")
QUARANTINE = 600.0
DAY = 86_400.0


def address(number: int) -> IPv4Address:
    return FIRST + number


def mac(number: int) -> bytes:
    return (0x020000000000 + number).to_bytes(6, "big")


def make(size: int = 3, *bound: IPv4Address) -> Pool:
    """Return a pool of *size*; *bound* are another's by now."""
    addresses = [address(number) for number in range(size)]
    return Pool(addresses, quarantine=QUARANTINE, taken=set(bound).__contains__)


def offer(
    pool: Pool, client: int, now: float = 0.0, asked: IPv4Address | None = None
) -> IPv4Address | None:
    """Let *client* be offered an address that nobody uses."""
    hold = pool.choose(mac(client), now, asked=asked)
    if hold is None:
        return None
    pool.judge(mac(client), hold.address, now, in_use=False)
    return hold.address


def lease(
    pool: Pool, client: int, now: float = 0.0, seconds: float = DAY
) -> IPv4Address:
    """Let *client* have a lease."""
    found = offer(pool, client, now)
    assert found is not None
    pool.request(mac(client))
    assert pool.commit(Lease(mac(client), found, seconds).begin(now))
    return found


def tables(pool: Pool) -> Iterator[set[object] | dict[object, object]]:
    """Yield every table that a pool keeps."""
    for name in vars(pool):
        value = getattr(pool, name)
        if hasattr(value, "__len__"):
            yield value
