"""Chains and rows of address blocks become look-ups, that 10,000 cost what one costs.

What they mean stays what their reading one after the other means: in a chain of else
the first that holds counts, of blocks in a row each that holds, in their order.
"""

from collections.abc import Iterable
from collections.abc import Iterator
from ipaddress import IPv4Network
from itertools import groupby

from .blocks import Chain
from .blocks import Link
from .blocks import Row
from .blocks import Table

FEW = 2  # links, below which a look-up is not worth it


def plan(chains: Iterable[tuple[Link, ...]]) -> tuple[Chain | Row, ...]:
    """Return the steps that mean the same as *chains*."""
    steps: list[Chain | Row] = []
    for alone, some in groupby(chains, _is_alone):
        if not alone:
            steps.extend(Chain(tuple(_shortened(chain))) for chain in some)
            continue
        links = tuple(link for (link,) in some)
        if len(links) < FEW:
            steps.extend(Chain((link,)) for link in links)
        else:
            steps.append(Row(_table(links)))
    return tuple(steps)


def _is_alone(chain: tuple[Link, ...]) -> bool:
    return len(chain) == 1 and _is_address(chain[0])


def _is_address(link: Link) -> bool:
    condition = link.condition
    return (
        condition is not None
        and condition.operator == "=="
        and isinstance(condition.operand, IPv4Network)
    )


def _shortened(chain: tuple[Link, ...]) -> Iterator[Link | Table]:
    for by_address, some in groupby(chain, _is_address):
        links = tuple(some)
        if by_address and len(links) >= FEW:
            yield _table(links)
        else:
            yield from links


def _table(links: tuple[Link, ...]) -> Table:
    places: dict[int, dict[int, list[int]]] = {}
    for place, link in enumerate(links):
        assert link.condition is not None
        network = link.condition.operand
        assert isinstance(network, IPv4Network)
        networks = places.setdefault(int(network.netmask), {})
        networks.setdefault(int(network.network_address), []).append(place)
    return Table(links, tuple(places.items()))
