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
group=/sys/fs/cgroup/$1 furnish=$2; shift 2
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mkdir $group
echo $$ >$group/cgroup.procs
exec unshare --pid --fork --kill-child --mount --uts --ipc --net --cgroup \
    --mount-proc --propagation private sh -ec "$furnish" sh "$@"
"""
FURNISH: Final = """\
umount /sys/fs/cgroup
mount -t sysfs sysfs /sys
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mount -t tmpfs -o mode=755 tmpfs /run
mount -t tmpfs -o mode=1777 tmpfs /tmp
mount -t tmpfs tmpfs /mnt
for each in etc usr var; do
    mkdir -p /mnt/$each/upper /mnt/$each/work
    layers=lowerdir=/$each,upperdir=/mnt/$each/upper,workdir=/mnt/$each/work
    mount -t overlay -o $layers overlay /$each
done
umount -l /mnt
ip link set lo up
rm -rf /etc/systemd/system /etc/metalease /var/lib/metalease /run/metalease
mkdir -p /etc/systemd/system/sysinit.target.wants
cd /lib/systemd/system; cp "$@" /etc/systemd/system; cd /
ln -s ../systemd-journald.service /etc/systemd/system/sysinit.target.wants
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
        words = ["sh", "-ec", BOOT, "sh", self._group, FURNISH, *FROM_DEBIAN]
        self._booting = self.start(words)
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

    def close(self) -> None:
        """End it; its control groups stay nowhere."""
        if self._booting.poll() is None:
            os.kill(self.pid, 9)
            self._booting.wait(END_AT_MOST)
            group = f"/sys/fs/cgroup/{self._group}"
            words = ["find", group, "-depth", "-type", "d", "-exec", "rmdir", "{}", "+"]
            subprocess.run([*self._outer, *words], check=True, timeout=END_AT_MOST)
        super().close()


class Package(Installation):
    """metalease where its package has it, below / itself."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.root = machine.path("/")
        library = machine.path(LIBRARY)
        for name in ("appliance", "dhcp", "httpd", "rewrite"):
            shutil.copytree(PACKAGES / name, library / name)
        machine.path(COMMAND).write_text(WRAPPER)
        machine.path(COMMAND).chmod(0o755)
        for unit in UNITS.glob("*.service"):
            shutil.copy(unit, machine.path("/etc/systemd/system"))
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

    def metalease(
        self, *arguments: str, stdin: bytes | None = None
    ) -> "subprocess.CompletedProcess[str]":
        """Run `metalease ARGUMENTS`, whatever its exit code is."""
        return self.machine.run([COMMAND, *arguments], stdin=stdin)
