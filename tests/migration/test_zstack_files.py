"""A whole host's files, as ZStack writes them, are read without anything being lost."""

from dataclasses import replace
from pathlib import Path

import pytest

from appliance.commands.sources import ZStackHost
from appliance.migration.plan import LOST
from appliance.migration.plan import NetworkPlan
from appliance.migration.zstack import read_zstack

from .zstack_host import BARE
from .zstack_host import L3
from .zstack_host import NAMED_249
from .zstack_host import PLAIN_249
from .zstack_host import vms_of
from .zstack_host import write_dnsmasq
from .zstack_host import write_web


def plan_of(root: Path, l3: L3, code_249: str) -> NetworkPlan:
    vms = vms_of(l3, 50)
    write_dnsmasq(root, l3, vms, code_249=code_249)
    write_web(root, l3, vms)
    return read_zstack(ZStackHost(str(root)), l3.namespace)


@pytest.mark.parametrize("l3", [L3(), BARE], ids=["told", "bare"])
def test_the_word_of_zstacks_own_dnsmasq_is_249(tmp_path: Path, l3: L3) -> None:
    """issue 6.6: `option:microsoft-249`, which Debian's dnsmasq does not know, says
    what 249 says, so the proof by Debian's holds for ZStack's own."""
    plain = plan_of(tmp_path / "plain", l3, PLAIN_249)
    named = plan_of(tmp_path / "named", l3, NAMED_249)
    assert replace(plain, notes=()) == replace(named, notes=())
    assert len(plain.guests) == 50


@pytest.mark.parametrize("code_249", [PLAIN_249, NAMED_249])
def test_nothing_of_a_host_is_lost(tmp_path: Path, code_249: str) -> None:
    """issue 6.6: what the agent writes, all of it, has a place of ours."""
    plan = plan_of(tmp_path, L3(), code_249)
    assert [each for each in plan.notes if each.kind == LOST] == []
