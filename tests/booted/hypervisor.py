"""A hypervisor that has booted Debian's systemd, with metalease packaged on it.

systemd is PID 1 of namespaces inside a `Machine`, control groups too. Its units are
ours and the few that those need: what else Debian has is of no concern here. /etc, /usr
and /var are the machine's outside with a layer in memory on top.
"""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Final

from appliance.lab.cell import END_AT_MOST
from appliance.lab.cell import ENVIRONMENT
from appliance.lab.cell import Process
from appliance.lab.installation import PACKAGES
from appliance.lab.installation import Installation
from appliance.lab.machine import Machine
from appliance.lab.patience import until

UNITS: Final = PACKAGES / "packaging/systemd"
COMMAND: Final = "/usr/bin/metalease"
# where the recipe for the package has it (packaging 1); Debian's own Python and
# libraries, because ProtectHome= may hide those of whoever runs the tests
LIBRARY: Final = "/usr/share/metalease"
WRAPPER: Final = f"""\
#!/bin/sh
export PYTHONPATH={LIBRARY}
exec /usr/bin/python3 -m appliance.cli "$@"
"""
BOOTED_WITHIN: Final = 30.0  # seconds, on a busy machine
FROM_DEBIAN: Final = (
    *("basic.target", "multi-user.target", "network.target", "shutdown.target"),
    *("sockets.target", "sysinit.target", "umount.target"),
    *("systemd-journald.service", "systemd-journald.socket"),
    "systemd-journald-dev-log.socket",
)
BOOT: Final = """\
group=/sys/fs/cgroup/$1 disks=$2 furnish=$3; shift 3
mkdir $group
echo $$ >$group/cgroup.procs
exec $disks unshare --pid --fork --kill-child --mount --uts --ipc --net --cgroup \
    --mount-proc --propagation private sh -ec "$furnish" sh "$@"
"""
MEMORY: Final = """\
umount /sys/fs/cgroup
mount -t sysfs sysfs /sys
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mount -t tmpfs -o mode=755 tmpfs /run
mount -t tmpfs -o mode=1777 tmpfs /tmp
ip link set lo up
"""
DISKS: Final = """\
mount -t tmpfs tmpfs /mnt
for each in etc usr var; do
    mkdir -p /mnt/$each/upper /mnt/$each/work
    layers=lowerdir=/$each,upperdir=/mnt/$each/upper,workdir=/mnt/$each/work
    mount -t overlay -o $layers overlay /$each
done
umount -l /mnt
rm -rf /etc/systemd/system /etc/metalease /var/lib/metalease /run/metalease
mkdir -p /etc/systemd/system/sysinit.target.wants
cd /lib/systemd/system; cp "$@" /etc/systemd/system; cd /
ln -s ../systemd-journald.service /etc/systemd/system/sysinit.target.wants
"""
SYSTEMD: Final = """\
exec env -i container=other SYSTEMD_UNIT_PATH=/etc/systemd/system \
    PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 \
    /lib/systemd/systemd --system --unit=multi-user.target
"""


class Hypervisor(Machine):
    """A machine whose PID 1 is systemd."""

    def __init__(self) -> None:
        super().__init__()
        self._outer = self.entrance()
        self._group = f"metalease-{os.getpid()}-{self.pid}"
        mounted = self.run(["mount", "-t", "cgroup2", "cgroup2", "/sys/fs/cgroup"])
        assert mounted.returncode == 0, mounted.stderr
        self._boot(MEMORY + DISKS + SYSTEMD, disks="")

    def _boot(self, furnish: str, *, disks: str) -> None:
        """Start systemd; *disks* is a command that goes where its files are."""
        words = ["sh", "-ec", BOOT, "sh", self._group, disks, furnish, *FROM_DEBIAN]
        self._booting = Process(self._outer, words, None, ENVIRONMENT)
        self.pid = until(
            self._first_process,
            "systemd is started",
            within=BOOTED_WITHIN,
            log=self._booting.output,
        )
        until(
            lambda: self.systemctl("is-system-running").stdout.strip() == "running",
            "systemd has booted",
            within=BOOTED_WITHIN,
            log=lambda: self._booting.output() + self.systemctl("--failed").stdout,
        )

    def _first_process(self) -> int:
        """Return systemd's process number, as it is outside; 0 before it runs."""
        pid = self._booting.pid
        assert self._booting.poll() is None, self._booting.output()
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        if children and Path(f"/proc/{children[0]}/comm").read_text() == "systemd\n":
            return int(children[0])
        return 0

    def systemctl(self, *words: str) -> "subprocess.CompletedProcess[str]":
        """Run systemctl, whatever its exit code is."""
        return self.run(["systemctl", *words], within=60.0)

    def told(self, unit: str, key: str) -> str:
        """Return what systemd says of a property of *unit*."""
        return self.systemctl("show", "--value", "-p", key, unit).stdout.strip()

    def journal(self, unit: str) -> str:
        """Return what *unit* has logged."""
        return self.run(["journalctl", "--no-pager", "-u", unit]).stdout

    def outside(self, pid: str) -> Path:
        """Return /proc/.. of a process, of which systemd has told *pid*."""
        return self.path(f"/proc/{pid}")

    def boot_again(self) -> None:
        """Cut the power, and boot with what is on the disks: links and /run are new."""
        there = [*self._outer, f"--mount=/proc/{self.pid}/ns/mnt"]
        holding = Process(there, ["sleep", "infinity"], None, ENVIRONMENT)
        status = Path(f"/proc/{holding.pid}/status").read_text()
        number = status.partition("NSpid:")[2].partition("\n")[0].split()[-1]
        self._cut_power()
        furnish = "umount --recursive --lazy /run\n" + MEMORY + SYSTEMD
        self._boot(furnish, disks=f"nsenter -t {number} -m")
        holding.kill()

    def _cut_power(self) -> None:
        """End what runs; its control groups stay nowhere."""
        os.kill(self.pid, 9)
        self._booting.wait(END_AT_MOST)
        group = f"/sys/fs/cgroup/{self._group}"
        words = ["find", group, "-depth", "-type", "d", "-exec", "rmdir", "{}", "+"]
        subprocess.run([*self._outer, *words], check=True, timeout=END_AT_MOST)

    def close(self) -> None:
        if self._booting.poll() is None:
            self._cut_power()
        super().close()


class Package(Installation):
    """metalease where its package has it, below / itself."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.root = machine.path("/")
        self.unpack()
        machine.path(COMMAND).write_text(WRAPPER)
        machine.path(COMMAND).chmod(0o755)
        for kind in ("sysusers", "tmpfiles"):
            file = machine.path(f"/usr/lib/{kind}.d/metalease.conf")
            shutil.copy(UNITS / f"{kind}.conf", file)
        machine.path("/etc/metalease/networks").mkdir(parents=True)
        for words in (
            ["systemd-sysusers", "metalease.conf"],
            ["systemd-tmpfiles", "--create", "metalease.conf"],
            ["systemctl", "daemon-reload"],
        ):
            done = machine.run(words)
            assert done.returncode == 0, done.stderr

    def unpack(self) -> None:
        """Put the program and its units where they are, or were before."""
        library = self.machine.path(LIBRARY)
        for name in ("appliance", "dhcp", "httpd", "rewrite"):
            shutil.rmtree(library / name, ignore_errors=True)
            shutil.copytree(PACKAGES / name, library / name)
        for unit in UNITS.glob("*.service"):
            shutil.copy(unit, self.machine.path("/etc/systemd/system"))

    def metalease(
        self, *arguments: str, stdin: bytes | None = None
    ) -> "subprocess.CompletedProcess[str]":
        """Run `metalease ARGUMENTS`, whatever its exit code is."""
        return self.machine.run([COMMAND, *arguments], stdin=stdin)
