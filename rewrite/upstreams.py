"""Which upstreams the rules name: whoever passes requests on may ask no other."""

from collections.abc import Iterator

from .blocks import Block
from .blocks import Chain
from .blocks import Link
from .blocks import Proxy
from .blocks import Row
from .blocks import Table
from .ruleset import RuleSet


def upstreams_of(rules: RuleSet) -> frozenset[str]:
    """Return every "host:port" that a proxy.server of *rules* names."""
    return frozenset(name for _, block in rules.files for name in _named(block))


def _named(block: Block) -> Iterator[str]:
    proxies = block.changes.get("proxies")
    for proxy in proxies if isinstance(proxies, tuple) else ():
        assert isinstance(proxy, Proxy)
        yield proxy.upstream
    for step in block.inner:
        for link in _links(step):
            yield from _named(link.block)


def _links(step: Chain | Row) -> Iterator[Link]:
    for part in step.parts if isinstance(step, Chain) else (step.table,):
        if isinstance(part, Table):
            yield from part.links
        else:
            yield part
