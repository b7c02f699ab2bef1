"""From root to the service's user: two capabilities, and no way back."""

import os
import subprocess
import sys

import pytest

from appliance.files import service_account
from appliance.files import service_group
from appliance.privilege import CAP_NET_BIND_SERVICE
from appliance.privilege import CAP_NET_RAW
from appliance.privilege import KEPT

CHILD = """
import os, socket, sys
sys.path.insert(0, {path!r})
from appliance import privilege
privilege.drop({uid}, {gid})
for line in open("/proc/self/status"):
    print(line.strip())
for name, act in {{
    "setuid": lambda: os.setuid(0),
    "setgid": lambda: os.setgid(0),
    "setgroups": lambda: os.setgroups([0]),
    "chown": lambda: os.chown("/proc/self/fd/1", 0, 0),
    "kill": lambda: os.kill(1, 0),
    "read": lambda: open("/etc/shadow").read(),
}}.items():
    try:
        act()
        print(f"{{name}}: done")
    except PermissionError:
        print(f"{{name}}: refused")
socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0).close()
with socket.socket() as low:
    low.bind(("127.0.0.1", 1))
print("serves: yes")
os.execv("/usr/bin/grep", ["grep", "-E", "^Cap(Eff|Prm|Amb)", "/proc/self/status"])
"""


@pytest.mark.machine
def test_two_capabilities_and_no_way_back() -> None:
    """docs/design.md, Privilege: CAP_NET_RAW and CAP_NET_BIND_SERVICE only, in every
    set; no user, group or new privilege comes back, and what is executed has none.
    """
    account, group = service_account(), service_group()
    code = CHILD.format(path=os.getcwd(), uid=account.pw_uid, gid=group)
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    body, _, after = done.stdout.partition("serves: yes\n")
    status = dict(line.split(":", 1) for line in body.splitlines() if ":" in line)
    words = {name: value.split() for name, value in status.items()}
    assert words["Uid"] == [str(account.pw_uid)] * 4
    assert words["Gid"] == [str(group)] * 4
    assert words["Groups"] == []
    assert words["NoNewPrivs"] == ["1"]
    for name in ("CapEff", "CapPrm", "CapBnd"):
        assert int(words[name][0], 16) == KEPT
    for name in ("CapInh", "CapAmb"):
        assert int(words[name][0], 16) == 0
    for name in ("setuid", "setgid", "setgroups", "chown", "kill", "read"):
        assert words[name] == ["refused"]
    assert [int(line.split()[1], 16) for line in after.splitlines()] == [0, 0, 0]


def test_what_is_kept() -> None:
    assert KEPT == (1 << CAP_NET_RAW) | (1 << CAP_NET_BIND_SERVICE) == 0x2400


ORPHAN = """
import os, signal, sys
sys.path.insert(0, {path!r})
from appliance import privilege
parent = os.getpid()
reading, writing = os.pipe()
if os.fork() == 0:
    {before}
    privilege.die_with_parent(parent)
    os.write(writing, b"x")
    while True:
        signal.pause()
{wait}
os._exit(0)
"""


@pytest.mark.parametrize("late", [False, True])
def test_who_serves_ends_with_its_keeper(late: bool) -> None:
    """Told by SIGTERM when the parent dies, also when it died before the question."""
    reading, writing = os.pipe()
    before = f"os.read({reading}, 1)" if late else "pass"
    wait = "pass" if late else "os.read(reading, 1)"
    code = ORPHAN.format(path=os.getcwd(), before=before, wait=wait)
    child = subprocess.Popen(
        [sys.executable, "-c", code], pass_fds=[reading], stdout=subprocess.PIPE
    )
    assert child.wait(20) == 0
    os.write(writing, b"x")
    os.close(writing)
    os.close(reading)
    assert child.stdout is not None
    assert child.stdout.read() == b""  # its end: every holder of it has gone
    child.stdout.close()
