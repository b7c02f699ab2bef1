"""Token buckets."""

from dhcp.damping import Damping


def test_a_burst_then_the_rate() -> None:
    """dhcp 33: a burst of 5 passes, then one a second."""
    damping = Damping(rate=1, burst=5)
    assert [damping.admits("a", 10.0) for _ in range(6)] == [True] * 5 + [False]
    assert not damping.admits("a", 10.9)
    assert damping.admits("a", 11.0)
    assert not damping.admits("a", 11.1)


def test_quiet_fills_the_bucket_and_no_more() -> None:
    """dhcp 33: an hour of quiet gives one burst, not 3,600 tokens."""
    damping = Damping(rate=1, burst=2)
    assert [damping.admits("a", 0.0) for _ in range(3)] == [True, True, False]
    assert [damping.admits("a", 3600.0) for _ in range(3)] == [True, True, False]


def test_keys_are_apart() -> None:
    """dhcp 33: one guest's storm takes nothing from another."""
    damping = Damping(rate=1, burst=1)
    assert damping.admits("a", 0.0)
    assert not damping.admits("a", 0.0)
    assert damping.admits("b", 0.0)


def test_the_table_is_bounded() -> None:
    """dhcp 12: a flood of keys does not grow the table; the quietest is forgotten."""
    damping = Damping(rate=1, burst=1, keys_at_most=3)
    for key in "abc":
        assert damping.admits(key, 0.0)
    assert not damping.admits("a", 0.1)
    assert damping.admits("d", 0.2)
    assert len(damping) == 3
    assert not damping.admits("a", 0.3)
    assert damping.admits("b", 0.3)


def test_waiting_does_not_take_tokens() -> None:
    """dhcp 33: what was refused is not held against the guest."""
    damping = Damping(rate=1, burst=1)
    assert damping.admits("a", 0.0)
    for tenth in range(1, 10):
        assert not damping.admits("a", tenth / 10)
    assert damping.admits("a", 1.0)


def test_several_at_once() -> None:
    """Of several that come together as many are admitted as one after the other."""
    together, singly = (Damping(rate=1, burst=5) for _ in range(2))
    for number, now in ((3, 0.0), (4, 0.0), (9, 2.0), (1, 2.5), (1, 3.0)):
        one_by_one = sum(singly.admits("a", now) for _ in range(number))
        assert together.admitted("a", number, now) == one_by_one
