"""A daemon that may open few files, and a guest that takes what it can get."""

from contextlib import ExitStack

import pytest

from appliance.lab.installation import COMMAND
from appliance.lab.installation import Installation
from appliance.lab.machine import Machine

from .imds import DOCUMENT
from .imds import METADATA
from .imds import bind
from .imds import plug
from .ipv6 import status_of
from .test_greed import begin

pytestmark = [pytest.mark.machine, pytest.mark.long]

FEW = 128


def test_a_crowd_leaves_places_where_files_are_few(
    installation: Installation, machine: Machine
) -> None:
    """issue 5.7: where fewer files may be open than connections_total needs, guests
    have places for as many as there are; it is said once, and how to have more."""
    program = installation.machine.path(COMMAND)
    program.write_text(
        program.read_text().replace("exec ", f"ulimit -n {FEW}\nexec ", 1)
    )
    daemon = installation.start("n1")
    for number in (11, 12):
        bind(installation, number)
    greedy, modest = (plug(machine, number) for number in (12, 11))
    with ExitStack() as stack:
        begin(greedy, stack, FEW // 2)
        for _ in range(3):
            assert status_of(modest, METADATA + DOCUMENT) == (0, "200")
    kinds = [event.kind for event in daemon.events()]
    assert kinds.count("limits") == 1
    assert "fault" not in kinds
    (told,) = (event for event in daemon.events() if event.kind == "limits")
    assert "raise LimitNOFILE, or lower connections_total" in told["what"]
