"""In which order upstreams are asked, and when one that failed is tried again."""

from ipaddress import IPv4Address

from appliance.resolver.names import encode_name
from appliance.resolver.upstreams import Health
from appliance.resolver.upstreams import Routes

ONE, TWO, THREE = (IPv4Address(f"192.0.2.{number}") for number in (1, 2, 3))
ALL = (ONE, TWO, THREE)


def test_the_longest_domain_wins() -> None:
    """dns 7: split horizon by domain; else the default."""
    routes = Routes.of([ONE], {"example": [TWO], "deep.example": [THREE]})
    assert routes.choose(encode_name("a.deep.example")) == (THREE,)
    assert routes.choose(encode_name("adeep.example")) == (TWO,)
    assert routes.choose(encode_name("example")) == (TWO,)
    assert routes.choose(encode_name("a.org")) == (ONE,)
    assert routes.upstreams == (ONE, THREE, TWO)
    assert not Routes.of([], {})


def test_the_operators_order_holds_while_all_are_well() -> None:
    """dns 7: in order."""
    assert Health(ALL).order(ALL) == [ONE, TWO, THREE]


def test_one_that_failed_is_asked_last_until_it_answers() -> None:
    """dns 7: a dead upstream costs nobody a wait; with all dead, all are tried."""
    health = Health(ALL)
    health.failed(ONE, 0.0)
    assert health.order(ALL) == [TWO, THREE, ONE]
    health.failed(TWO, 0.0)
    health.failed(THREE, 0.0)
    assert health.order(ALL) == [ONE, TWO, THREE]
    health.answered(ONE)
    health.failed(ONE, 1.0)
    health.answered(TWO)
    assert health.order(ALL) == [TWO, ONE, THREE]


def test_probes_go_out_less_and_less_often() -> None:
    """dns 7: after 1, 2, 4, 8, 16, then every 30 seconds, whatever else fails."""
    health = Health([ONE])
    health.due(0.0)
    health.failed(ONE, 0.0)
    now, waits = 0.0, []
    for _ in range(7):
        due = health.next_due()
        waits.append(due - now)
        now = due
        health.failed(ONE, now - 0.1)  # questions that it did not answer meanwhile
        assert health.due(now - 0.01) == []
        assert health.due(now) == [ONE]
        health.failed_again(ONE, now)
    assert waits == [1, 2, 4, 8, 16, 30, 30]
    health.probed(ONE, now, loops=False)
    assert health.order([ONE, TWO]) == [ONE, TWO]
    assert health.next_due() == now + 60


def test_one_that_asks_us_is_not_asked() -> None:
    """dns 14: a loop is not entered again, until a probe finds none."""
    health = Health(ALL)
    health.probed(TWO, 0.0, loops=True)
    assert health.order(ALL) == [ONE, THREE]
    health.probed(TWO, 60.0, loops=False)
    assert health.order(ALL) == [ONE, TWO, THREE]


def test_without_upstreams_nothing_is_due() -> None:
    """dns 14: a network without upstreams waits for nothing."""
    assert Health(()).next_due() == float("inf")
