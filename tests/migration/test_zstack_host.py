"""The host that migrations are proved by is one that its own programs take."""

import subprocess
from pathlib import Path

import pytest

from appliance.lab.cell import require

from .zstack_host import BARE
from .zstack_host import L3
from .zstack_host import vms_of
from .zstack_host import write_dnsmasq
from .zstack_host import write_web

pytestmark = pytest.mark.machine

# as on that host: paths in the files are absolute
ON_HOST = """\
mount --bind "$0/var/lib" /var/lib && mount -t tmpfs tmpfs /var/log &&
mkdir /var/log/lighttpd && exec "$@"
"""


def on_host(root: Path, *argv: str) -> str:
    """Run *argv* with the host below *root*; return what it wrote, when it took it."""
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", ON_HOST, str(root), *argv],
        capture_output=True,
        text=True,
        check=False,
    )
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    return said


@pytest.mark.parametrize("l3", [L3(), BARE], ids=["told", "bare"])
@pytest.mark.parametrize("count", [1, 50, 10_000])
def test_dnsmasq_takes_its_files(tmp_path: Path, count: int, l3: L3) -> None:
    """issue 6.6: the fixtures pass `dnsmasq --test`."""
    require("dnsmasq")
    write_dnsmasq(tmp_path, l3, vms_of(l3, count))
    conf = f"{l3.folder}/dnsmasq.conf"
    assert "syntax check OK" in on_host(tmp_path, "dnsmasq", "--test", "-C", conf)


@pytest.mark.parametrize("count", [1, 50])
def test_lighttpd_takes_its_file(tmp_path: Path, count: int) -> None:
    """issue 6.6: the fixtures pass `lighttpd -tt`.

    Not those of 10,000 VMs: lighttpd 1.4.69 has room for some 4,090 conditions, and
    ZStack's for each VM is one; it was tried by hand with 4,000 callers.
    """
    require("lighttpd")
    l3 = L3()
    write_web(tmp_path, l3, vms_of(l3, count))
    assert on_host(tmp_path, "lighttpd", "-tt", "-f", f"{l3.http}/lighttpd.conf") == ""
