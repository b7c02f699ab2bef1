"""Ten thousand blocks cost what one costs, and mean what their sequence means."""

from collections.abc import Callable
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address
from ipaddress import IPv4Network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rewrite.ruleset import Asked
from rewrite.ruleset import RuleSet

# what one guest's block says, as ZStack writes it (zstack 3.2)
RULES = """
    "^/zwatch-vm-agent.linux-amd64.bin$" => "/zwatch-vm-agent",
    "^/agent-tools-update.sh$" => "/vm-tools.sh",
    "^/.*/meta-data/(.+)$" => "/{0}/meta-data/$1",
    "^/.*/meta-data/?$" => "/{0}/meta-data/",
    "^/.*/(user[-_]data|meta_data.json|password)$" => "/{0}/$1",
    "^/.+/$" => "/{0}/",
    "^/$" => "/{0}/",
"""


def block(address: str, name: str) -> str:
    rules = f"url.rewrite-once = ({RULES.format(name)})"
    return f'$HTTP["remoteip"] == "{address}" {{ {rules} }}'


def addresses(count: int) -> list[str]:
    first = IPv4Address("10.0.0.1")
    return [str(first + number) for number in range(count)]


def chained(count: int) -> str:
    """The decision chain of zstack 3.2: two proxies, a block an address, the rest."""
    proxy = 'proxy.server = ("" => (("host" => "169.254.64.1", "port" => 9092)))'
    begin = [
        f'$HTTP["url"] =~ "^/{each}" {{ {proxy} }}' for each in ("metrics", "host")
    ]
    blocks = [block(address, address) for address in addresses(count)]
    last = f"{{ url.rewrite-once = ({RULES.format('zstack-default')}) }}"
    return " else ".join([*begin, *blocks, last])


def in_a_row(count: int) -> str:
    last = 'url.rewrite-once = ("^/none" => "/none")'
    return last + "\n".join(block(each, each) for each in addresses(count))


def tried(rules: RuleSet, address: str) -> tuple[int, str | None]:
    told = rules.explain(Asked("/latest/meta-data/mac", IPv4Address(address)))
    target = None if told.rewrite is None else told.rewrite.target
    return len(told.tried), target


@pytest.mark.parametrize("written", [chained, in_a_row])
def test_many_blocks_cost_what_few_cost(written: Callable[[int], str]) -> None:
    """As many conditions and rules are tried for the first, the last and no address, by
    10 blocks and by 10,000 (issue 6.3)."""
    few, many = (RuleSet.parse(("f", written(count))) for count in (10, 10_000))
    first, last, none = "10.0.0.1", addresses(10_000)[-1], "192.0.2.1"
    assert tried(many, first) == tried(few, first)
    assert tried(many, last)[0] == tried(few, "10.0.0.10")[0]
    assert tried(many, last)[1] == f"/{last}/meta-data/mac"
    assert tried(many, none) == tried(few, none)
    assert tried(many, first)[0] < 12


def test_networks_in_a_row_keep_their_order() -> None:
    """Of blocks in a row, wide and narrow, the last that holds counts (issue 6.3)."""
    row = (
        "10.0.0.0/31",
        "10.0.0.1",
        "10.0.0.0/31",
        "10.0.0.1",
        "0.0.0.0/0",
        "10.0.0.1",
    )
    asked = Asked("/a", IPv4Address("10.0.0.1"))
    for count in range(1, len(row) + 1):
        written = "\n".join(
            f'$HTTP["remoteip"] == "{each}" {{ url.rewrite = ("" => "/{place}") }}'
            for place, each in enumerate(row[:count])
        )
        found = RuleSet.parse(("f", written)).apply(asked)
        assert found is not None
        assert found.target == f"/{count - 1}"


@dataclass(frozen=True, slots=True)
class Naive:
    """Blocks as they are written, for an evaluator that reads them one by one."""

    condition: tuple[str, str] | None
    number: int
    inner: tuple[tuple["Naive", ...], ...]

    def text(self) -> str:
        inside = f'metalease.content-type = "{self.number}"\n'
        inside += "\n".join(
            " else ".join(each.text() for each in chain) for chain in self.inner
        )
        if self.condition is None:
            return f"{{ {inside} }}"
        kind, value = self.condition
        field, operator = ("url", "=~") if kind == "url" else ("remoteip", kind)
        return f'$HTTP["{field}"] {operator} "{value}" {{ {inside} }}'

    def holds(self, address: IPv4Address, path: str) -> bool:
        if self.condition is None:
            return True
        kind, value = self.condition
        if kind == "url":
            return value in path
        return (address in IPv4Network(value)) is (kind == "==")

    def said(self, address: IPv4Address, path: str) -> Iterator[int]:
        """Yield the numbers of the blocks that hold, in their order."""
        yield self.number
        for chain in self.inner:
            for each in chain:
                if each.holds(address, path):
                    yield from each.said(address, path)
                    break


NETWORKS = st.sampled_from(
    [*("10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.0/31", "10.0.0.2/31", "0.0.0.0/0")]
)
CONDITIONS = st.one_of(
    st.tuples(st.just("=="), NETWORKS),
    st.tuples(st.just("=="), NETWORKS),
    st.tuples(st.just("!="), NETWORKS),
    st.tuples(st.just("url"), st.sampled_from(["a", "b"])),
)


def blocks(
    condition: st.SearchStrategy[tuple[str, str]] | st.SearchStrategy[None], depth: int
) -> st.SearchStrategy[Naive]:
    none: st.SearchStrategy[tuple[tuple[Naive, ...], ...]] = st.just(())
    inner = none if depth == 0 else chains(depth - 1)
    return st.builds(Naive, condition, st.integers(0, 999), inner)


def chains(depth: int) -> st.SearchStrategy[tuple[tuple[Naive, ...], ...]]:
    links = st.lists(blocks(CONDITIONS, depth), min_size=1, max_size=4)
    last = st.lists(blocks(st.none(), depth), max_size=1)
    chain = st.tuples(links, last).map(lambda both: (*both[0], *both[1]))
    return st.lists(chain, max_size=4).map(tuple)


@given(
    chains(1),
    st.sampled_from(["10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4"]),
    st.sampled_from(["/", "/a", "/b", "/ab"]),
)
def test_a_look_up_means_what_the_sequence_means(
    inner: tuple[tuple[Naive, ...], ...], address: str, path: str
) -> None:
    """Whatever stands in a chain or a row, the last block that holds counts, as an
    evaluator finds it that reads one after the other (issue 6.3)."""
    whole = Naive(None, 0, inner)
    text = 'url.rewrite-once = ("" => "/x")\n' + whole.text()[1:-1]
    found = RuleSet.parse(("f", text)).apply(Asked(path, IPv4Address(address)))
    assert found is not None
    assert found.content_type == str(list(whole.said(IPv4Address(address), path))[-1])
