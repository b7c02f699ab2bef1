"""Guards and backlog: a flood costs little, and never those who are bound."""

from dhcp.backlog import FRAMES_AT_MOST
from dhcp.backlog import Backlog
from dhcp.frames import Frame
from dhcp.guards import BUCKETS_AT_LEAST
from dhcp.guards import Bucket
from dhcp.guards import Guards
from dhcp.message import Message
from dhcp.server import Answered
from dhcp.server import Refused

from .guest import MAC
from .guest import STRANGER
from .guest import Guest
from .room import Room
from .room import in_room

DISCOVER = Guest().frame(Guest().discover())
REQUEST = Guest().frame(Guest().select())


def mac(number: int) -> bytes:
    return (0x020000000000 + number).to_bytes(6, "big")


def test_a_known_client_has_a_bucket_of_its_own() -> None:
    """dhcp 71: after a burst a client has its rate, whatever others do."""
    guards = Guards({mac(1), mac(2)}.__contains__, known=10, unknown=5)
    assert sum(guards.admits(mac(1), 0.0) for _ in range(100)) == 20
    assert guards.admits(mac(2), 0.0)
    assert not guards.admits(mac(1), 0.05)
    assert guards.admits(mac(1), 0.2)
    assert sum(guards.admits(mac(1), 1e6) for _ in range(100)) == 20


def test_all_strangers_share_one() -> None:
    """dhcp 71: invented MACs take from one bucket, and leave nothing in a table."""
    guards = Guards({mac(1)}.__contains__, known=10, unknown=5)
    assert sum(guards.admits(mac(1000 + each), 0.0) for each in range(10_000)) == 10
    assert len(guards) == 0
    assert guards.admits(mac(1), 0.0)
    assert guards.admits(mac(2), 1.0)


def test_the_buckets_are_those_of_who_is_bound() -> None:
    """dhcp 71: clients that come and go do not fill the table."""
    bound: set[bytes] = set()
    guards = Guards(bound.__contains__, known=10, unknown=5)
    for number in range(20 * BUCKETS_AT_LEAST):
        bound.add(mac(number))
        assert guards.admits(mac(number), 0.0)
        bound.discard(mac(number - 10))
        assert len(guards) <= BUCKETS_AT_LEAST


def test_a_clock_that_goes_back_takes_nothing() -> None:
    """dhcp 71: a bucket on the clock of the wall survives its being set."""
    bucket = Bucket(20.0, 1000.0)
    assert bucket.take(10, 1000.0)
    assert bucket.take(10, 0.0)
    assert bucket.take(10, 1000.0)


def test_requests_go_first() -> None:
    """dhcp 71: of what waits together a REQUEST goes before a DISCOVER, each in its
    order; never by secs."""
    backlog = Backlog()
    frames = [bytes([number]) + DISCOVER[1:] for number in range(3)]
    wanted = [bytes([number]) + REQUEST[1:] for number in range(3)]
    mixed = [each for pair in zip(frames, wanted, strict=True) for each in pair]
    backlog.extend((each, True) for each in mixed)
    assert [frame for frame, _ in backlog.take(4)] == [*wanted, frames[0]]
    assert [frame for frame, _ in backlog.take(4)] == frames[1:]
    assert backlog.take(4) == []


def test_the_oldest_go_when_there_are_too_many() -> None:
    """dhcp 71: the queue is bounded: the oldest DISCOVERs are dropped, and counted;
    who is at its REQUEST stays as long as it can."""
    backlog = Backlog()
    backlog.extend([(REQUEST, True)])
    dropped = backlog.extend(
        (number.to_bytes(6, "big") + DISCOVER[6:], True)
        for number in range(FRAMES_AT_MOST + 9)
    )
    assert (len(backlog), dropped) == (FRAMES_AT_MOST, 10)
    first, second = backlog.take(2)
    assert first == (REQUEST, True)
    assert second[0][:6] == (10).to_bytes(6, "big")
    backlog.extend((REQUEST, True) for _ in range(2 * FRAMES_AT_MOST))
    assert len(backlog) == FRAMES_AT_MOST


def test_who_floods_is_not_looked_at() -> None:
    """dhcp 71: past its rate a client's frames are dropped unparsed, and counted; the
    others are answered."""

    async def scenario(room: Room) -> None:
        stranger = Guest(STRANGER)
        flood = [stranger.frame(stranger.discover())] * 50
        events = await room.hear(*flood, DISCOVER)
        assert sum(isinstance(event, Refused) for event in events) == 46
        assert sum(isinstance(event, Answered) for event in events) == 5
        (sent,) = room.port.sent
        assert Message.parse(Frame.parse(sent).payload).chaddr == MAC.octets

    in_room(scenario, unknown=2)
