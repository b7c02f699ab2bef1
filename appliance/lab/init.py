"""The first process of a cell: makes its namespaces, furnishes them, and waits.

It is run by path, as `python -I -S init.py SPEC READY_FD`, and imports nothing of the
project. Its standard input is the lifeline: a pipe whose other end only the owner
holds. When the owner ends, in whatever way, the pipe ends, this process exits, and the
kernel kills whatever else runs in the cell: nobody has to clean up.

    owner --Popen--> entered --fork--> unshared --fork--> init (PID 1 of the cell)

The first fork puts us into the process namespace of the surrounding cell, without
which unshare(CLONE_NEWPID) is EINVAL; the second makes us PID 1 of our own.
"""

import ctypes
import json
import os
import signal
import socket
import struct
import sys
import traceback
from typing import Any

CLONE_NEWNS = 0x00020000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000
EVERY_KIND = CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWPID | CLONE_NEWNET

MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC = 1, 2, 4, 8
MS_REC = 0x4000
MS_PRIVATE = 0x40000
MNT_DETACH = 2
KERNEL_FILES = MS_NOSUID | MS_NODEV | MS_NOEXEC

AT_FDCWD = -100
AT_RECURSIVE = 0x8000
MOUNT_ATTR_RDONLY = 1
SYS_MOUNT_SETATTR = 442  # the same number on every architecture; Linux 5.12

libc = ctypes.CDLL(None, use_errno=True)


def checked(result: int, what: str) -> None:
    if result == -1:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), what)


def mount(source: str, target: str, kind: str, flags: int, options: str = "") -> None:
    words = [word.encode() for word in (source, target, kind)]
    checked(libc.mount(*words, ctypes.c_ulong(flags), options.encode()), target)


def unmount(target: str) -> None:
    """Take away what is mounted at *target* and below, if anything is."""
    libc.umount2(target.encode(), MNT_DETACH)


def make_read_only(target: str) -> None:
    """Make *target* and every mount below it read-only, here and nowhere else."""
    attributes = struct.pack("QQQQ", MOUNT_ATTR_RDONLY, 0, 0, 0)
    result = libc.syscall(
        ctypes.c_long(SYS_MOUNT_SETATTR),
        ctypes.c_int(AT_FDCWD),
        ctypes.c_char_p(target.encode()),
        ctypes.c_uint(AT_RECURSIVE),
        ctypes.c_char_p(attributes),
        ctypes.c_size_t(len(attributes)),
    )
    checked(result, f"mount_setattr {target}")


def enter(process: int) -> None:
    """Enter every namespace of *process*; its process namespace at the next fork."""
    # All are opened before the first is entered: after mnt, /proc is another one.
    kinds = ("ipc", "uts", "net", "pid", "mnt")
    doors = [os.open(f"/proc/{process}/ns/{kind}", os.O_RDONLY) for kind in kinds]
    for door in doors:
        checked(libc.setns(door, 0), "setns")
        os.close(door)


def unshare() -> None:
    """Take new namespaces of every kind; the process namespace at the next fork."""
    checked(libc.unshare(EVERY_KIND), "unshare")
    mount("none", "/", "", MS_REC | MS_PRIVATE)


def fork_and_follow() -> None:
    """Go on in a child; the parent stays only to end with the same code."""
    child = os.fork()
    if child:
        os._exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) & 0xFF)


def furnish_machine() -> None:
    """Give a hypervisor its own /run (hence /run/netns), all else being read-only."""
    make_read_only("/")
    mount_memory()
    mount("sysfs", "/sys", "sysfs", KERNEL_FILES)


def mount_memory() -> None:
    """Mount what every cell has for itself, and forgets."""
    unmount("/run")
    mount("tmpfs", "/run", "tmpfs", MS_NOSUID | MS_NODEV, "mode=755")
    mount("tmpfs", "/dev/shm", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777")
    mount("proc", "/proc", "proc", KERNEL_FILES)


def furnish_guest(writable: list[str], machine_id: str) -> None:
    """Give a guest a disk of its own: all read-only but *writable*, kept in memory.

    /sys is read-only as in any container: systemd-networkd concludes from it that no
    udev will ever tell it that a link is ready, and goes on.
    """
    make_read_only("/")
    mount("tmpfs", "/mnt", "tmpfs", MS_NOSUID | MS_NODEV, "mode=755")
    for number, directory in enumerate(writable):
        if not os.path.isdir(directory):
            continue
        upper, work = f"/mnt/{number}/upper", f"/mnt/{number}/work"
        os.makedirs(work)
        os.mkdir(upper)
        status = os.stat(directory)
        os.chmod(upper, status.st_mode & 0o7777)
        os.chown(upper, status.st_uid, status.st_gid)
        layers = f"lowerdir={directory},upperdir={upper},workdir={work}"
        mount("overlay", directory, "overlay", 0, layers)
    unmount("/mnt")  # the overlays hold what they need of it
    mount_memory()
    mount("sysfs", "/sys", "sysfs", KERNEL_FILES | MS_RDONLY)
    os.makedirs("/run/lock", exist_ok=True)
    write_afresh("/etc/machine-id", machine_id + "\n")
    # Often a link into the /run of the machine outside, which a guest does not have.
    write_afresh("/etc/resolv.conf", "")


def write_afresh(path: str, text: str) -> None:
    if os.path.lexists(path):
        os.unlink(path)
    with open(path, "w", encoding="ascii") as file:
        file.write(text)


def become(spec: dict[str, Any]) -> None:
    """Become PID 1 of the cell that *spec* describes."""
    if spec["surrounding"] is not None:
        enter(spec["surrounding"])
        fork_and_follow()
    unshare()
    fork_and_follow()
    socket.sethostname(spec["hostname"])
    if spec["writable"] is None:
        furnish_machine()
    else:
        furnish_guest(spec["writable"], spec["machine_id"])
    os.umask(0o022)
    os.chdir("/")


def main(spec: dict[str, Any], ready: socket.socket) -> None:
    """Furnish, say so (the kernel adds our PID as the owner sees it), wait."""
    try:
        become(spec)
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # orphans leave no zombies
    except OSError:
        ready.send(traceback.format_exc().encode())
        os._exit(1)
    ready.send(b"")
    ready.close()
    os.read(0, 1)  # nobody writes: this returns when the owner is gone
    os._exit(0)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]), socket.socket(fileno=int(sys.argv[2])))
