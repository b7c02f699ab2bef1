"""The shipped corpus of smuggled requests, with h11 as its judge (issue 5.6)."""

import h11
import pytest

from httpd.connection import Connection
from httpd.errors import BadRequest
from tests.httpd.tricks import Trick
from tests.httpd.tricks import smuggling

REFUSALS = {400, 411, 505}


def read_by_us(octets: bytes) -> tuple[int, bool]:
    """Return how many requests we see, and whether the rest is refused."""
    connection = Connection()
    connection.receive(octets)
    seen = 0
    try:
        while (request := connection.next_request()) is not None:
            seen += 1
            if not request.keeps_alive:
                break
    except BadRequest:
        return seen, True
    return seen, False


def read_by_h11(octets: bytes) -> tuple[int, bool]:
    connection = h11.Connection(h11.SERVER)
    connection.receive_data(octets)
    seen, last = 0, False
    try:
        while (event := connection.next_event()) is not h11.NEED_DATA:
            last = connection.their_state is h11.MUST_CLOSE
            if isinstance(event, h11.Request):
                seen += 1
            if event is h11.PAUSED:
                before = connection.our_state
                if before is not h11.SEND_RESPONSE:
                    break
                connection.send(h11.Response(status_code=404, headers=[]))
                connection.send(h11.EndOfMessage())
                if connection.our_state is h11.MUST_CLOSE:
                    break
                connection.start_next_cycle()
    except h11.RemoteProtocolError:
        # what comes behind the last request is not read, whatever it is
        return seen, not last
    return seen, False


@pytest.mark.parametrize("trick", smuggling(), ids=str)
def test_no_more_requests_than_there_are(trick: Trick) -> None:
    """issue 5.6: of octets that are made to be read in two ways we see no request that
    h11 does not see; what h11 refuses is refused, and what is refused ends all."""
    ours, refused = read_by_us(trick.octets)
    theirs, refused_by_h11 = read_by_h11(trick.octets)
    assert ours <= theirs
    assert refused or not refused_by_h11
    assert ours + refused == len(trick.answers)
    assert refused == (trick.answers[-1] in REFUSALS)
