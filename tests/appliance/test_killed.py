"""`up` killed by SIGKILL, anywhere: the next ends as a clean one (host H1, H3)."""

from typing import Any

import pytest

from appliance import links
from appliance.attachment import Attachment
from tests.appliance.plumbing import bridge
from tests.appliance.plumbing import events_of
from tests.appliance.plumbing import guest
from tests.appliance.plumbing import in_machine
from tests.appliance.plumbing import killed
from tests.appliance.plumbing import killed_at
from tests.appliance.plumbing import network
from tests.appliance.witness import nothing_left
from tests.appliance.witness import state

N1 = network("n1")


def clean(attachment: Attachment) -> dict[str, Any]:
    """What an undisturbed `up` ends as."""
    links.up(attachment)
    found = state(attachment)
    links.down(attachment)
    return found


class TestKilled:
    @pytest.mark.parametrize("last", range(len(links.STEPS)))
    @in_machine
    def test_killed_after_a_step(self, last: int) -> None:
        """`up` killed by SIGKILL after any step: the next ends as a clean one (H1)."""
        bridge()
        guest("g1", "fa:16:3e:00:00:05")
        expected = clean(N1)

        def begin() -> None:
            for step in links.STEPS[: last + 1]:
                step.take(N1)

        killed(begin)
        assert bool(links.check(N1)) == (last < len(links.STEPS) - 1)
        links.up(N1)
        assert expected == state(N1)
        assert links.check(N1) == []
        links.down(N1)
        assert nothing_left(N1) == []

    @in_machine
    def test_killed_anywhere(self) -> None:
        """As above, at 40 moments between a step's first call and its last."""
        bridge()
        expected = clean(N1)
        calls = events_of(lambda: links.up(N1))
        links.down(N1)
        for moment in range(1, calls, calls // 40):
            killed_at(moment, lambda: links.up(N1))
            if moment % 2:
                links.up(N1)
                assert expected == state(N1), f"killed at {moment} of {calls}"
            links.down(N1)
            assert nothing_left(N1) == [], f"killed at {moment} of {calls}"
