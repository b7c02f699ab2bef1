"""Each step of a cut-over fails for a reason of the world, and all is put back."""

import signal
from collections.abc import Callable
from collections.abc import Mapping

import pytest

from appliance.lab.cell import ENVIRONMENT

from .afterwards import is_as_it_was
from .afterwards import pids
from .host import WITHIN
from .host import ZStackHost
from .stand_in import StandIn

pytestmark = [pytest.mark.machine, pytest.mark.long]

Spoil = Callable[[ZStackHost], Mapping[str, str]]


def _unnamable(host: ZStackHost) -> Mapping[str, str]:
    host.sh("mount -o remount,bind,ro /run/netns")
    return {}


def _device_in_the_way(host: ZStackHost) -> Mapping[str, str]:
    # it comes after the look, by the last program that the look asks
    made = "ip link add mlprobe7 type bridge"
    return StandIn(host, "ebtables", "-L", made).environment


def _all_taken(host: ZStackHost) -> Mapping[str, str]:
    for number in range(250, 255):
        host.guest.run(["ip", "address", "add", f"10.0.0.{number}/24", "dev", "eth0"])
    return {}


def _read_only_state(host: ZStackHost) -> Mapping[str, str]:
    host.not_in_service.touch()
    folder = f"{host.root}/var/lib/metalease/n1"
    host.sh(f"mount --bind {folder} {folder}", f"mount -o remount,bind,ro {folder}")
    return {}


def _jump_that_is_gone(host: ZStackHost) -> Mapping[str, str]:
    return StandIn(host, "ebtables", "-D", '$real "$@"').environment


def _nft_that_refuses(host: ZStackHost) -> Mapping[str, str]:
    refuse = "echo 'netlink: No buffer space' >&2; exit 1"
    return StandIn(host, "nft", "-f", f"rmdir /run/first/reached; {refuse}").environment


def _log_is_a_link(host: ZStackHost) -> Mapping[str, str]:
    folder = f"{host.root}/run/metalease"
    host.sh(f"mkdir -p {folder}", f"ln -s /run/elsewhere {folder}/n1.log")
    return {}


BEFORE_THE_STOP: dict[str, tuple[Spoil, str]] = {
    "plug: no name": (_unnamable, "the probe guest: [Errno 30] Read-only file system"),
    "plug: no port": (_device_in_the_way, "the probe guest: [Errno 17]"),
    "find_free": (_all_taken, "all are in use by somebody who is not bound"),
    "bind": (_read_only_state, "write.lock: cannot be locked"),
    "jump.remove": (_jump_that_is_gone, "ebtables -t nat -D PREROUTING"),
    "up": (_nft_that_refuses, "No buffer space"),
}


@pytest.mark.parametrize("case", BEFORE_THE_STOP)
def test_before_theirs_are_stopped(host: ZStackHost, case: str) -> None:
    """issue 6.7: what fails while theirs serve is undone, and they never stop."""
    spoil, reason = BEFORE_THE_STOP[case]
    environment = spoil(host)
    before, numbers = host.as_it_is(), pids(host)
    process = host.start(environment=environment)
    assert process.wait(WITHIN) == 1
    said = process.output()
    assert reason in said, said
    is_as_it_was(host, before, said)
    assert pids(host) == numbers


def test_ours_have_no_log(host: ZStackHost) -> None:
    """issue 6.7: ours are not even started: theirs, which were stopped, serve again."""
    _log_is_a_link(host)
    before, numbers = host.as_it_is(), pids(host)
    code, said = host.cut_over()
    assert (code, "n1.log" in said) == (1, True), said
    is_as_it_was(host, before, said)
    assert pids(host) != numbers


def test_ebtables_cannot_be_run(host: ZStackHost) -> None:
    """issue 6.7: a program that the kernel does not run is told by its name."""
    host.sh(
        "mkdir /run/first",
        "echo '#!/nowhere' > /run/first/ebtables",
        "chmod +x /run/first/ebtables",
    )
    before = host.as_it_is()
    process = host.start(environment={"PATH": f"/run/first:{ENVIRONMENT['PATH']}"})
    assert process.wait(WITHIN) == 1
    assert "/run/first/ebtables: cannot be run: " in process.output()
    assert "Traceback" not in process.output()
    assert host.as_it_is() == before


def test_no_room_for_the_journal(host: ZStackHost) -> None:
    """issue 6.7: what cannot be remembered is not begun."""
    folder = f"{host.root}/run/metalease"
    host.sh(f"mkdir -p {folder}", f"mount -t tmpfs -o size=4k tmpfs {folder}")
    before, numbers = host.as_it_is(), pids(host)
    code, said = host.cut_over()
    assert code == 1
    assert "n1.cutover.json: cannot be written (No space left on device)" in said
    assert "Traceback" not in said
    assert host.as_it_is() == before
    assert pids(host) == numbers
    assert not host.not_in_service.exists()
    assert list(host.journal().parent.iterdir()) == []


def test_a_step_back_fails(host: ZStackHost) -> None:
    """issue 6.7: whatever prevents a step back is said, and the others are taken."""
    before = host.as_it_is()
    host.stall_the_probe()
    process = host.start()
    host.until_said(process, "started")
    (binding,) = host.bindings.glob("02*.json")
    binding.write_text('{"ip": "of nobody"}')
    process.signal(signal.SIGINT)
    assert process.wait(WITHIN) == 1
    assert "not put back: " in process.output()
    assert "of nobody" in process.output()
    assert "Traceback" not in process.output()
    host.release_the_probe()
    assert {**host.as_it_is(), "bindings": before["bindings"]} == before
    assert host.served_by() == "theirs"
    assert host.journal().exists()


def test_the_journal_stays(host: ZStackHost) -> None:
    """issue 6.7: a journal that stays is said; --put-back does the rest later."""
    before = host.as_it_is()
    host.stall_the_probe()
    process = host.start()
    host.until_said(process, "started")
    journal = f"{host.root}/run/metalease/n1.cutover.json"
    host.sh(f"mount --bind {journal} {journal}")  # a mount point cannot be removed
    host.release_the_probe()
    assert process.wait(WITHIN) == 1
    said = process.output()
    assert "Traceback" not in said
    assert "not put back:" in said
    assert "n1.cutover.json: cannot be removed" in said
    assert "metalease migrate zstack --put-back n1" in said
    assert host.as_it_is() == before
    assert host.served_by() == "theirs"
    host.sh(f"umount {journal}")
    code, said = host.cut_over("--put-back")
    assert code == 0, said
    is_as_it_was(host, before, said)
