"""What we are compared with: dnsmasq and lighttpd, as Debian ships them."""

from collections.abc import Mapping

from appliance.lab.cell import Process
from appliance.lab.cell import require
from appliance.lab.guest import Guest
from appliance.lab.patience import until

from .bench import READY_WITHIN
from .bench import SERVING
from .bench import address
from .bench import mac
from .bench import pin

DNSMASQ = """\
port=0
interface=eth0
bind-interfaces
no-ping
leasefile-ro
dhcp-range=10.8.0.0,static,255.255.0.0,1d
dhcp-option=3,10.8.0.1
dhcp-option=6,10.8.0.53
dhcp-option=15,n1.example
dhcp-option=26,1500
dhcp-option=121,0.0.0.0/0,10.8.0.1,169.254.169.254/32,10.8.0.2
"""
DNSMASQ_NAMES = """\
interface=eth0
bind-interfaces
no-hosts
no-resolv
addn-hosts=/run/names
domain=n1.example
local=/n1.example/
cache-size=10000
dns-forward-max=1000
"""
LIGHTTPD = """\
server.document-root = "/run/www"
server.port = 80
server.max-keep-alive-requests = 1000000
server.modules = ()
"""


def default_name(ip: str) -> str:
    """Return the name that a guest has that was given none."""
    return f"ip-{ip.replace('.', '-')}"


def dnsmasq_line(number: int, hostname: str | None = None) -> str:
    name = hostname or default_name(address(number))
    return f"{mac(number)},{address(number)},{name}\n"


def start_dnsmasq(peer: Guest, count: int, *, hosts_file: bool = False) -> Process:
    """Serve *count* guests, by plain dhcp-host lines or by a hosts file."""
    require("dnsmasq")
    lines = [dnsmasq_line(number) for number in range(count)]
    text = DNSMASQ
    if hosts_file:
        peer.path("/run/hosts").write_text("".join(lines))
        text += "dhcp-hostsfile=/run/hosts\n"
    else:
        text += "".join(f"dhcp-host={line}" for line in lines)
    peer.path("/run/dnsmasq.conf").write_text(text)
    # --log-facility=- : a line for each message, as ours writes one
    return _start(
        peer,
        ["dnsmasq", "-k", "-u", "root", "-C", "/run/dnsmasq.conf", "--log-facility=-"],
        "/proc/net/udp",
        ":0043 ",
    )


def start_dnsmasq_names(peer: Guest, count: int, upstream: str) -> Process:
    """Serve the names of *count* guests, and the names that *upstream* knows."""
    require("dnsmasq")
    addresses = [address(number) for number in range(count)]
    lines = [f"{each} {default_name(each)}.n1.example\n" for each in addresses]
    peer.path("/run/names").write_text("".join(lines))
    peer.path("/run/dnsmasq.conf").write_text(f"{DNSMASQ_NAMES}server={upstream}\n")
    words = ["dnsmasq", "-k", "-u", "root", "-C", "/run/dnsmasq.conf"]
    return _start(peer, words, "/proc/net/udp", ":0035 ")


def start_lighttpd(peer: Guest, documents: Mapping[str, bytes]) -> Process:
    """Serve plain files."""
    require("lighttpd")
    for path, octets in documents.items():
        file = peer.path("/run/www" + path)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(octets)
    peer.path("/run/lighttpd.conf").write_text(LIGHTTPD)
    words = ["lighttpd", "-D", "-f", "/run/lighttpd.conf"]
    return _start(peer, words, "/proc/net/tcp", ":0050 ")


def _start(peer: Guest, words: list[str], table: str, port: str) -> Process:
    process = peer.start(words)
    until(
        lambda: port in peer.run(["cat", table]).stdout,
        f"{words[0]} serves",
        within=READY_WITHIN,
        log=process.output,
    )
    pin(process.pid, SERVING)
    return process
