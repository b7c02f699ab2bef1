"""The cut-over of a host of ZStack's that runs systemd: our daemon is its unit."""

import pytest

from tests.cutover.host import ZStackHost

from .hypervisor import COMMAND
from .hypervisor import Hypervisor
from .hypervisor import Package

pytestmark = [pytest.mark.machine, pytest.mark.long]

UNIT = "metalease@n1.service"


class PackagedHost(ZStackHost):
    """One with metalease as its package has it."""

    command = f"metalease={COMMAND}\n"
    root = ""
    group = "metalease"
    covered = ()  # all of /var is its own


@pytest.fixture
def host(hypervisor: Hypervisor, package: Package) -> PackagedHost:
    return PackagedHost(hypervisor, package)


def test_systemd_has_ours_serve(hypervisor: Hypervisor, host: PackagedHost) -> None:
    """issue 6.7: theirs stop, the unit is started, and is what serves from then on."""
    code, said = host.cut_over()
    assert code == 0, said + hypervisor.journal(UNIT)
    assert host.served_by() == "ours"
    assert host.programs() == []
    assert hypervisor.told(UNIT, "ActiveState") == "active"
    pid = hypervisor.told(UNIT, "MainPID")
    assert f"started metalease run n1 ({pid})" in said
    hypervisor.systemctl("stop", UNIT)
    assert hypervisor.systemctl("start", UNIT).returncode == 0
    assert host.served_by() == "ours"


def test_systemd_does_not_start_ours(
    hypervisor: Hypervisor, host: PackagedHost
) -> None:
    """issue 6.7: a unit that fails is stopped for good, and theirs serve as before."""
    host.bindings.chmod(0o700)
    before = host.as_it_is()
    code, said = host.cut_over()
    assert code == 1
    assert f"{UNIT}: `systemctl start` says" in said
    assert "all is as it was: dnsmasq, lighttpd serve again" in said
    assert hypervisor.told(UNIT, "ActiveState") in ("inactive", "failed")
    assert hypervisor.told(UNIT, "SubState") != "auto-restart"
    assert host.as_it_is() == before
    assert host.served_by() == "theirs"
    assert not host.journal().exists()
    host.bindings.chmod(0o750)
    code, said = host.cut_over()
    assert code == 0, said + hypervisor.journal(UNIT)
    assert host.served_by() == "ours"


@pytest.mark.parametrize("words", [(), ("--put-back",)])
def test_a_kill_under_systemd(
    hypervisor: Hypervisor, host: PackagedHost, words: tuple[str, ...]
) -> None:
    """issue 6.7: killed after the unit was started, the next call puts all back."""
    before = host.as_it_is()
    host.stall_the_probe()
    process = host.start()
    host.until_said(process, "started")
    process.kill()
    host.release_the_probe()
    assert hypervisor.told(UNIT, "ActiveState") == "active"
    code, said = host.cut_over(*words)
    assert code == (0 if words else 1), said
    assert hypervisor.told(UNIT, "ActiveState") == "inactive"
    assert host.as_it_is() == before
    assert host.served_by() == "theirs"
