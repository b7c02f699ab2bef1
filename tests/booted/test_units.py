"""Our units under Debian's systemd: ready, restarted, stopped, and shut in."""

import pytest

from appliance.lab.guest import Guest
from appliance.lab.patience import until
from tests.integration.packets import Wire

from .hypervisor import Hypervisor
from .hypervisor import Package

pytestmark = [pytest.mark.machine, pytest.mark.long]

MAC, ADDRESS = "fa:16:3e:00:00:11", "10.0.0.11"
HOST, NETWORK = "metalease-host.service", "metalease@n1.service"
FORWARD, EXPORTER = "metalease-forward.service", "metalease-exporter.service"
WITHIN = 60.0  # seconds, on a busy machine
SETTINGS = b"""\
[network]
subnet = "10.0.0.0/24"
gateway = "10.0.0.1"
dhcp_address = "10.0.0.2"

[attach]
bridge = "br0"
"""
PROBE = """\
import ctypes, mmap, os, socket
libc = ctypes.CDLL(None, use_errno=True)
def called(name, *words):
    if getattr(libc, name)(*words) < 0:
        raise OSError(ctypes.get_errno(), name)
TRIALS = {
    "writes /usr": lambda: open("/usr/found", "w"),
    "writes /etc": lambda: open("/etc/metalease/found", "w"),
    "reads /root": lambda: os.listdir("/root"),
    "sees PID 1": lambda: os.stat("/proc/1"),
    "reads disks": lambda: os.stat("/dev/vda"),
    "writes settings": lambda: open("/proc/sys/kernel/hostname", "w"),
    "user namespace": lambda: called("unshare", 0x10000000),
    "mount namespace": lambda: called("unshare", 0x20000),
    "mounts": lambda: called("mount", b"none", b"/tmp", b"tmpfs", 0, 0),
    "W+X memory": lambda: mmap.mmap(-1, 4096, prot=7),
    "other sockets": lambda: socket.socket(socket.AF_VSOCK),
    "other networks": lambda: open("/var/lib/metalease/n2/bindings/x.json"),
    "their sockets": lambda: os.stat("/run/metalease/n2"),
    "binds": lambda: open("/var/lib/metalease/n1/bindings/x.json", "w"),
    "keeps what is its own": lambda: open("/var/lib/metalease/n1/own/x", "w"),
    "spools": lambda: open("/var/lib/metalease/n1/spool/x", "w"),
}
for name, attempt in TRIALS.items():
    try:
        attempt()
    except OSError:
        continue
    print("MAY", name, flush=True)
print("TRIED", flush=True)
"""
CAP_NET_BIND_SERVICE, CAP_NET_ADMIN, CAP_NET_RAW = 1 << 10, 1 << 12, 1 << 13
CAP_CHOWN, CAP_SYS_ADMIN = 1 << 0, 1 << 21
MAY = {
    HOST: CAP_NET_ADMIN | CAP_SYS_ADMIN | CAP_CHOWN,
    NETWORK: CAP_NET_RAW | CAP_NET_BIND_SERVICE,
    FORWARD: 0,
    EXPORTER: 0,
}
USERS = {HOST: "root", NETWORK: "metalease", FORWARD: "metalease"}
USERS[EXPORTER] = "metalease"


@pytest.fixture
def guest(hypervisor: Hypervisor, package: Package) -> Guest:
    """Return a guest of n1, whose daemon systemd has started."""
    package.succeed("net", "add", "n1", "-", stdin=SETTINGS)
    package.metalease("put", "n1", ADDRESS, "--mac", MAC)
    for unit in (HOST, NETWORK, EXPORTER):
        done = hypervisor.systemctl("start", unit)
        assert done.returncode == 0, done.stderr + hypervisor.journal(unit)
    return hypervisor.add_guest("g1", MAC, bridge="br0")


def _is_answered(guest: Guest) -> bool:
    with Wire(guest) as wire:
        return wire.ask(MAC).address == ADDRESS


def _restarted(hypervisor: Hypervisor, unit: str, before: str) -> str:
    def after() -> str:
        now = hypervisor.told(unit, "MainPID")
        active = hypervisor.told(unit, "ActiveState") == "active"
        return now if active and now not in ("0", before) else ""

    return until(
        after,
        f"{unit} is started again",
        within=WITHIN,
        log=lambda: hypervisor.journal(unit),
    )


def test_ready_is_when_it_answers(hypervisor: Hypervisor, guest: Guest) -> None:
    """packaging 4: `systemctl start` returns when the first DISCOVER is answered."""
    assert _is_answered(guest)
    for unit in MAY:
        assert hypervisor.told(unit, "ActiveState") == "active"
        assert hypervisor.told(unit, "NRestarts") == "0"


def test_a_kill(hypervisor: Hypervisor, guest: Guest) -> None:
    """packaging 4: whichever is killed by -9 is started again; guests are served."""
    for unit in (NETWORK, HOST, FORWARD):
        before = hypervisor.told(unit, "MainPID")
        others = {each: hypervisor.told(each, "MainPID") for each in MAY}
        hypervisor.run(["kill", "-9", before])
        others[unit] = _restarted(hypervisor, unit, before)
        assert _is_answered(guest)
        assert {each: hypervisor.told(each, "MainPID") for each in MAY} == others


def test_a_stop(hypervisor: Hypervisor, guest: Guest) -> None:
    """packaging 4: a stop ends it in its time, and leaves what a start needs."""
    for units in ((NETWORK,), (NETWORK, HOST)):
        assert hypervisor.systemctl("stop", *units).returncode == 0
        for unit in units:
            assert hypervisor.told(unit, "Result") == "success"
            assert hypervisor.told(unit, "ExecMainStatus") == "0"
        assert not hypervisor.path("/run/metalease/n1/control.sock").exists()
        assert hypervisor.path("/run/metalease/netns/n1").exists()
        done = hypervisor.systemctl("start", *units)
        assert done.returncode == 0, hypervisor.journal(NETWORK)
        assert _is_answered(guest)


@pytest.mark.usefixtures("guest")
def test_what_each_may(hypervisor: Hypervisor) -> None:
    """packaging 4: users and capabilities, as the kernel has them."""
    for unit, capabilities in MAY.items():
        pid = hypervisor.told(unit, "MainPID")
        lines = hypervisor.path(f"/proc/{pid}/status").read_text().splitlines()
        status = {
            key: value.split() for key, _, value in (x.partition(":") for x in lines)
        }
        user = hypervisor.run(["id", "-u", USERS[unit]]).stdout.strip()
        assert set(status["Uid"]) == {user}, unit
        for kind in ("CapBnd", "CapEff"):
            assert int(status[kind][0], 16) == capabilities, (unit, kind)
        assert (status["NoNewPrivs"], status["Seccomp"]) == (["1"], ["2"]), unit


WATCHED = "[Service]\nWatchdogSec=1s\nTimeoutStopSec=1s\n"


def _drop_in(hypervisor: Hypervisor, unit: str, text: str) -> None:
    """Add *text* to *unit*, and have it so."""
    folder = hypervisor.path(f"/etc/systemd/system/{unit}.d")
    folder.mkdir()
    folder.joinpath("test.conf").write_text(text)
    done = hypervisor.systemctl("daemon-reload")
    assert done.returncode == 0, done.stderr
    done = hypervisor.systemctl("restart", unit)
    assert done.returncode == 0, done.stderr + hypervisor.journal(unit)


@pytest.mark.parametrize("unit", [NETWORK, HOST])
def test_the_watchdog(hypervisor: Hypervisor, guest: Guest, unit: str) -> None:
    """packaging 4: it says that it lives; one that hangs is started again."""
    _drop_in(hypervisor, unit, WATCHED)
    key = "WatchdogTimestampMonotonic"
    said: set[str] = set()

    def lives() -> bool:
        said.add(hypervisor.told(unit, key))
        return len(said) > 3

    until(lives, "it lives", within=WITHIN)
    assert hypervisor.told(unit, "NRestarts") == "0"
    before = hypervisor.told(unit, "MainPID")
    hypervisor.run(["kill", "-STOP", before])
    _restarted(hypervisor, unit, before)
    assert "Watchdog timeout" in hypervisor.journal(unit)
    assert _is_answered(guest)


# it is root, and no setting of its unit may make a mount namespace
HOST_MAY = {"sees PID 1", "reads /root", "mounts", "writes /etc", "writes /usr"}
HOST_MAY |= {"reads disks", "other networks", "writes settings", "binds"}
HOST_MAY |= {"their sockets"}
MAY_TOO = {
    HOST: HOST_MAY,
    NETWORK: {"keeps what is its own", "spools"},
    FORWARD: {"their sockets"},
    EXPORTER: {"their sockets"},
}


@pytest.mark.parametrize("unit", MAY)
@pytest.mark.usefixtures("guest")
def test_what_is_refused(hypervisor: Hypervisor, unit: str) -> None:
    """packaging 4: what a unit forbids is refused to what runs in it."""
    hypervisor.path("/usr/share/probe.py").write_text(PROBE)
    other = hypervisor.path("/var/lib/metalease/n2/bindings")
    other.mkdir(parents=True)
    other.joinpath("x.json").write_text("{}")
    hypervisor.path("/run/metalease/n2").mkdir()
    probe = "[Service]\nExecStartPost=/usr/bin/python3 /usr/share/probe.py\n"
    _drop_in(hypervisor, unit, probe)
    said = hypervisor.journal(unit)
    assert "TRIED" in said
    found = {line.partition("MAY ")[2] for line in said.splitlines() if "MAY " in line}
    assert found == MAY_TOO.get(unit, set())
