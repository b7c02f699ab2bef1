"""The octets of an errand, and of what it brought."""

from hypothesis import given
from hypothesis import strategies as st

from appliance.proxy.errand import Brought
from appliance.proxy.errand import Errand
from appliance.proxy.errand import Result


@given(st.text("abc.:-019"), st.binary())
def test_an_errand_comes_over_whole(upstream: str, octets: bytes) -> None:
    """issue 6.1: round trip, whatever is in the request."""
    errand = Errand(upstream, octets)
    assert Errand.parse(errand.encode()) == errand


@given(
    st.sampled_from(Result),
    st.integers(0, 999),
    st.text(st.characters(max_codepoint=0xFF), max_size=300),
    st.binary(),
)
def test_what_it_brought_comes_over_whole(
    result: Result, status: int, kind: str, body: bytes
) -> None:
    """issue 6.1: round trip."""
    brought = Brought(result, status, kind, body)
    assert Brought.parse(brought.encode()) == brought


@given(st.one_of(st.none(), st.binary()))
def test_garbage_is_no_exception(message: bytes | None) -> None:
    """issue 6.1: nothing, or what another version says, is something lost at most."""
    assert isinstance(Brought.parse(message), Brought)
    assert isinstance(Errand.parse(message or b"").method, str)


def test_silence_is_a_loss() -> None:
    """issue 6.1: a line that is lost, or answers what we do not know."""
    for message in (None, b"", b"\xff\0\xc8\0\0"):
        assert Brought.parse(message) == Brought(Result.LOST)
