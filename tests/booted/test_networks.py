"""Networks that come and go under systemd, with the units as they are shipped."""

import signal

import pytest

from appliance.lab.guest import Guest
from appliance.lab.patience import until
from tests.integration.packets import Wire
from tests.integration.packets import take_address

from .hypervisor import COMMAND
from .hypervisor import Hypervisor
from .hypervisor import Package

pytestmark = [pytest.mark.machine, pytest.mark.long]

MAC, ADDRESS = "fa:16:3e:00:00:11", "10.0.0.11"
MAC_TWO, ADDRESS_TWO = "fa:16:3e:00:00:12", "10.0.2.12"
HOST, ONE, TWO = "metalease-host", "metalease@n1.service", "metalease@n2.service"
SETTINGS = """\
[network]
subnet = "10.0.0.0/24"
gateway = "10.0.0.1"
dhcp_address = "10.0.0.2"

[attach]
bridge = "br0"
"""
ELSEWHERE = SETTINGS.replace("10.0.0.", "10.0.2.").replace("br0", "br1")
FILE = "/etc/metalease/networks/n1.toml"
LEFT = """\
ls -A /etc/metalease/networks /run/netns /run/metalease/netns /run/metalease
ls -A /var/lib/metalease
ip -o link | sed -n 's/.*\\(outer[0-9]*\\)@.*/\\1/p'
nft list tables
cat /proc/self/mounts | grep nsfs || true
"""
THEIRS = """\
ip netns add br0_n1
ip netns set br0_n1 0
ip link add outer0 type veth peer name inner0 netns br0_n1
ip link set outer0 master br0
"""
WITHIN = 60.0  # seconds, on a busy machine


@pytest.fixture
def host(hypervisor: Hypervisor, package: Package) -> Package:
    """Return metalease where `metalease host` runs, and no network is yet."""
    hypervisor.add_bridge("br1")
    _succeed(hypervisor, "enable", "--now", HOST)
    hypervisor.path("/run/netns").mkdir(exist_ok=True)
    return package


def _succeed(hypervisor: Hypervisor, *words: str) -> None:
    done = hypervisor.systemctl(*words)
    assert done.returncode == 0, done.stderr + hypervisor.journal(words[-1])


def _add(package: Package, network: str, settings: str) -> None:
    package.succeed("net", "add", network, "-", stdin=settings.encode())


def _refused(package: Package, *words: str, stdin: bytes | None = None) -> str:
    done = package.metalease(*words, stdin=stdin)
    assert (done.returncode, done.stdout) == (1, "")
    return done.stderr


def _left(hypervisor: Hypervisor) -> str:
    """Return what there is of networks: files, names, links, tables and mounts."""
    done = hypervisor.run(["sh", "-ec", LEFT])
    assert done.returncode == 0, done.stderr
    return done.stdout


def _logged(hypervisor: Hypervisor, unit: str) -> str:
    """Return all that *unit* has logged by now."""
    done = hypervisor.run(["journalctl", "--sync"])
    assert done.returncode == 0, done.stderr
    return hypervisor.journal(unit)


def _is_answered(guest: Guest, mac: str, address: str) -> bool:
    with Wire(guest) as wire:
        return wire.ask(mac).address == address


def test_one_comes_and_goes(hypervisor: Hypervisor, host: Package) -> None:
    """packaging 4: `net add` and at once `enable --now`; `net rm` leaves nothing."""
    guest = hypervisor.add_guest("g1", MAC, bridge="br0")
    before = _left(hypervisor)
    for _ in range(2):
        _add(host, "n1", SETTINGS)
        _succeed(hypervisor, "enable", "--now", ONE)
        assert hypervisor.told(ONE, "NRestarts") == "0"
        host.succeed("put", "n1", ADDRESS, "--mac", MAC)
        assert _is_answered(guest, MAC, ADDRESS)
        said = _refused(host, "net", "rm", "n1", "--force")
        assert "its daemon is running: stop it first" in said
        assert _is_answered(guest, MAC, ADDRESS)
        _succeed(hypervisor, "stop", ONE)
        assert "has 1 binding" in _refused(host, "net", "rm", "n1")
        said = _logged(hypervisor, HOST)
        host.succeed("net", "rm", "n1", "--force")
        assert _left(hypervisor) == before
        assert _logged(hypervisor, HOST) == said  # it did not heal what went
        _succeed(hypervisor, "start", ONE)
        assert hypervisor.told(ONE, "ActiveState") == "inactive"
        assert f"ConditionPathExists={FILE}" in _logged(hypervisor, ONE)


def test_one_without_its_bridge(hypervisor: Hypervisor, host: Package) -> None:
    """packaging 4, host H1: `net add` says what cannot be made yet; later it is."""
    settings = SETTINGS.replace("br0", "br9")
    done = host.metalease("net", "add", "n1", "-", stdin=settings.encode())
    assert done.returncode == 0
    assert f"{FILE}: is written, but network n1: there is no bridge br9" in done.stderr
    _succeed(hypervisor, "start", ONE)
    hypervisor.add_bridge("br9")
    host.succeed("put", "n1", ADDRESS, "--mac", MAC)
    guest = hypervisor.add_guest("g1", MAC, bridge="br9")
    assert _is_answered(guest, MAC, ADDRESS)


def test_one_that_another_program_serves(hypervisor: Hypervisor, host: Package) -> None:
    """issue 6.7: before the cut-over the links are left to whose they are."""
    done = hypervisor.run(["sh", "-ec", THEIRS])
    assert done.returncode == 0, done.stderr
    before = _left(hypervisor)
    state = hypervisor.path("/var/lib/metalease/n1")
    state.mkdir()
    state.joinpath("not-in-service").touch()
    _add(host, "n1", SETTINGS)
    host.succeed("up", "--all")
    host.succeed("down", "--all")
    assert "another program's" in _refused(host, "down", "n1")
    host.succeed("net", "rm", "n1")
    assert _left(hypervisor) == before


def test_a_removal_that_fails(hypervisor: Hypervisor, host: Package) -> None:
    """packaging 4: `net rm` that may not take the links down leaves it as it was."""
    _add(host, "n1", SETTINGS)
    before = _left(hypervisor)
    words = ["setpriv", "--bounding-set", "-net_admin", COMMAND, "net", "rm", "n1"]
    done = hypervisor.run(words)
    assert (done.returncode, done.stdout) == (1, "")
    assert "network n1: down: " in done.stderr
    assert "run as root" in done.stderr
    assert _left(hypervisor) == before
    _succeed(hypervisor, "start", ONE)


def test_another_bridge(hypervisor: Hypervisor, host: Package) -> None:
    """packaging 4: an edit and a restart move it; `net rm` finds the earlier name."""
    before = _left(hypervisor)
    _add(host, "n1", SETTINGS)
    _succeed(hypervisor, "start", ONE)
    host.succeed("put", "n1", ADDRESS, "--mac", MAC)
    file = hypervisor.path(FILE)
    file.write_text(file.read_text().replace("br0", "br1"))
    _succeed(hypervisor, "restart", ONE)
    until(
        lambda: host.metalease("net", "check", "n1").returncode == 0,
        "metalease host has seen the edit",
        within=WITHIN,
    )
    guest = hypervisor.add_guest("g1", MAC, bridge="br1")
    assert _is_answered(guest, MAC, ADDRESS)
    _succeed(hypervisor, "stop", ONE)
    host.succeed("net", "rm", "n1", "--force")
    assert _left(hypervisor) == before


def test_one_whose_file_went(hypervisor: Hypervisor, host: Package) -> None:
    """packaging 4: another of the name is not added while the daemon runs."""
    _add(host, "n1", SETTINGS)
    _succeed(hypervisor, "start", ONE)
    host.succeed("put", "n1", ADDRESS, "--mac", MAC)
    hypervisor.path(FILE).unlink()
    words = ("net", "add", "n1", "-")
    said = _refused(host, *words, stdin=ELSEWHERE.encode())
    assert "its daemon is running: stop it first" in said
    guest = hypervisor.add_guest("g1", MAC, bridge="br0")
    assert _is_answered(guest, MAC, ADDRESS)
    _succeed(hypervisor, "stop", ONE)
    _add(host, "n1", ELSEWHERE)
    _succeed(hypervisor, "start", ONE)
    host.succeed("put", "n1", ADDRESS_TWO, "--mac", MAC_TWO)
    other = hypervisor.add_guest("g2", MAC_TWO, bridge="br1")
    assert _is_answered(other, MAC_TWO, ADDRESS_TWO)


def test_a_wrong_edit(hypervisor: Hypervisor, host: Package) -> None:
    """packaging 4: the last good state serves until a restart, which says what is
    wrong; once mended it comes by itself, and no other network notices."""
    for network, settings in (("n1", SETTINGS), ("n2", ELSEWHERE)):
        _add(host, network, settings)
    _succeed(hypervisor, "enable", "--now", ONE, TWO)
    host.succeed("put", "n1", ADDRESS, "--mac", MAC)
    host.succeed("put", "n2", ADDRESS_TWO, "--mac", MAC_TWO)
    one = hypervisor.add_guest("g1", MAC, bridge="br0")
    two = hypervisor.add_guest("g2", MAC_TWO, bridge="br1")
    file = hypervisor.path(FILE)
    file.write_text(SETTINGS + "brigde = 3\n")
    assert "brigde" in host.metalease("net", "check", "n1").stdout
    assert _is_answered(one, MAC, ADDRESS)
    assert hypervisor.systemctl("restart", ONE).returncode != 0
    assert f"{FILE}: attach.brigde: is not a known key" in _logged(hypervisor, ONE)
    assert _is_answered(two, MAC_TWO, ADDRESS_TWO)
    file.write_text(SETTINGS)
    until(
        lambda: hypervisor.told(ONE, "ActiveState") == "active",
        "it is mended",
        within=WITHIN,
        log=lambda: hypervisor.journal(ONE),
    )
    assert _is_answered(one, MAC, ADDRESS)
    _succeed(hypervisor, "stop", ONE)
    assert _is_answered(two, MAC_TWO, ADDRESS_TWO)
    assert hypervisor.told(TWO, "NRestarts") == "0"


def test_one_that_was_never_right(hypervisor: Hypervisor, host: Package) -> None:
    """packaging 4: without a namespace its unit cannot say why: metalease host does."""
    hypervisor.path(FILE).write_text(SETTINGS.replace("gateway", "gatway"))
    assert hypervisor.systemctl("start", ONE).returncode != 0
    wrong = f"{FILE}: network.gatway: is not a known key"
    until(
        lambda: wrong in _logged(hypervisor, HOST),
        "it is said",
        within=WITHIN,
        log=lambda: _logged(hypervisor, HOST),
    )
    hypervisor.path(FILE).write_text(SETTINGS)
    until(
        lambda: hypervisor.told(ONE, "ActiveState") == "active",
        "it is mended",
        within=WITHIN,
        log=lambda: hypervisor.journal(ONE),
    )
    assert _logged(hypervisor, HOST).count(wrong) == 1


def test_by_hand_then_its_unit(hypervisor: Hypervisor, host: Package) -> None:
    """packaging 4: what was tried by hand is in no unit's way, before its end and
    after."""
    _add(host, "n1", SETTINGS)
    by_hand = hypervisor.start([COMMAND, "run", "n1"])
    until(
        lambda: "not running" not in host.succeed("net", "ls"),
        "it serves",
        within=WITHIN,
        log=by_hand.output,
    )
    assert hypervisor.systemctl("start", ONE).returncode != 0
    assert "a daemon runs already and holds" in _logged(hypervisor, ONE)
    by_hand.signal(signal.SIGTERM)
    assert by_hand.wait(WITHIN) == 0
    until(
        lambda: hypervisor.told(ONE, "ActiveState") == "active",
        "the unit has its turn",
        within=WITHIN,
        log=lambda: hypervisor.journal(ONE),
    )
    host.succeed("put", "n1", ADDRESS, "--mac", MAC)


def test_an_upgrade(hypervisor: Hypervisor, host: Package) -> None:
    """packaging 4, issue 5.1: new files, `daemon-reload`, a restart: what guests
    have, tokens too, stays."""
    _add(host, "n1", SETTINGS)
    _succeed(hypervisor, "enable", "--now", ONE)
    host.succeed("put", "n1", ADDRESS, "--mac", MAC)
    guest = hypervisor.add_guest("g1", MAC, bridge="br0")
    take_address(guest, ADDRESS, server="10.0.0.2")
    words = ["curl", "-sS", "-X", "PUT", "http://169.254.169.254/latest/api/token"]
    ttl = "X-aws-ec2-metadata-token-ttl-seconds: 60"
    token = guest.run([*words, "-H", ttl]).stdout
    before = _left(hypervisor)
    host.unpack()
    _succeed(hypervisor, "daemon-reload")
    _succeed(hypervisor, "restart", HOST)
    host.succeed("put", "n1", ADDRESS, "--hostname", "web")  # both bells are there
    _succeed(hypervisor, "restart", ONE)
    assert _is_answered(guest, MAC, ADDRESS)
    header = f"X-aws-ec2-metadata-token: {token}"
    words = ["curl", "-sS", "http://169.254.169.254/latest/meta-data/local-ipv4"]
    assert guest.run([*words, "-H", header]).stdout == ADDRESS
    assert guest.run([*words, "-H", header[:-1]]).stdout != ADDRESS
    assert _left(hypervisor) == before


def test_a_power_cut(hypervisor: Hypervisor, host: Package) -> None:
    """packaging 4: what is enabled comes again by itself, with all that was bound."""
    before = _left(hypervisor)
    for network, settings in (("n1", SETTINGS), ("n2", ELSEWHERE)):
        _add(host, network, settings)
    _succeed(hypervisor, "enable", "--now", ONE, TWO)
    _succeed(hypervisor, "disable", TWO)
    host.succeed("put", "n1", ADDRESS, "--mac", MAC)
    host.succeed("put", "n2", ADDRESS_TWO, "--mac", MAC_TWO)
    hypervisor.boot_again()
    assert hypervisor.told(ONE, "ActiveState") == "active", _logged(hypervisor, ONE)
    assert hypervisor.told(TWO, "ActiveState") == "inactive"
    for bridge in ("br0", "br1"):
        hypervisor.add_bridge(bridge)
    until(
        lambda: host.metalease("net", "check").returncode == 0,
        "all is as it was",
        within=WITHIN,
        log=lambda: _logged(hypervisor, HOST),
    )
    guest = hypervisor.add_guest("g1", MAC, bridge="br0")
    assert _is_answered(guest, MAC, ADDRESS)
    _succeed(hypervisor, "stop", ONE)
    for network in ("n1", "n2"):
        host.succeed("net", "rm", network, "--force")
    assert _left(hypervisor) == before
