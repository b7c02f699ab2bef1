"""What we are compared with: dnsmasq and lighttpd, as Debian ships them."""

from collections.abc import Mapping
from collections.abc import Sequence

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
dhcp-lease-max=65535
dhcp-range=10.8.0.0,static,255.255.0.0,1d
dhcp-option=3,10.8.0.1
dhcp-option=6,10.8.0.53
dhcp-option=15,n1.example
dhcp-option=26,1500
dhcp-option=121,0.0.0.0/0,10.8.0.1,169.254.169.254/32,10.8.0.2
"""
# as ZStack writes it (2.1 to 2.2 of its spec): a tag and six options for each VM, in
# files; names are left out, because nobody asks
ZSTACK = """\
port=0
domain-needed
bogus-priv
no-hosts
dhcp-option=vendor:MSFT,2,1i
dhcp-lease-max=65535
interface=eth0
except-interface=lo
bind-interfaces
leasefile-ro
dhcp-authoritative
dhcp-hostsfile=/run/hosts
dhcp-optsfile=/run/options
dhcp-option=15,n1.example
dhcp-range=10.8.0.1,static
"""
ZSTACK_OPTIONS = (
    "option:router,10.8.0.1",
    "option:dns-server,10.8.0.53",
    "option:netmask,255.255.0.0",
    "option:mtu,1500",
    "121,0.0.0.0/0,10.8.0.1,169.254.169.254/32,10.8.0.2",
    "249,0.0.0.0/0,10.8.0.1,169.254.169.254/32,10.8.0.2",
)
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
# --log-facility=- : a line for each message, as ours writes one
DNSMASQ_WORDS = [
    *("dnsmasq", "-k", "-u", "root"),
    *("-C", "/run/dnsmasq.conf", "--log-facility=-"),
]
LIGHTTPD = """\
server.document-root = "/run/www"
server.port = 80
server.max-keep-alive-requests = 1000000
server.modules = ()
"""
# as ZStack writes it (3.2 and 3.3), but for proxies, which nobody asks for here
LIGHTTPD_ZSTACK = """\
server.document-root = "/run/html"
server.port = 1180
server.max-worker = 1
server.max-keep-alive-requests = 1000000
server.modules = ("mod_rewrite", "mod_access", "mod_dirlisting")
dir-listing.activate = "enable"
index-file.names = ("index.html")
"""
NGINX = """\
daemon off;
master_process off;
user root;
worker_processes 1;
pid /run/nginx.pid;
events { worker_connections 4096; }
http {
    access_log off;
    keepalive_requests 1000000;
    map_hash_max_size 65536;
    map_hash_bucket_size 128;
    map $remote_addr $guest { GUESTS }
    server {
        listen 8080 backlog=4096;
        location ~ ^/[^/]+/(meta-data/.+|user-data)$ { alias /run/html/$guest/$1; }
    }
}
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
    return _serve_dnsmasq(peer)


def zstack_lines(number: int, hostname: str | None = None) -> tuple[str, str]:
    """Return what a VM has in the hosts file, and in the options file."""
    name, tag = hostname or default_name(address(number)), mac(number).replace(":", "")
    hosts = f"{mac(number)},set:{tag},{address(number)},{name},infinite\n"
    return hosts, "".join(f"tag:{tag},{option}\n" for option in ZSTACK_OPTIONS)


def start_zstack(peer: Guest, count: int) -> Process:
    """Serve *count* guests by dnsmasq, in the layout that ZStack writes."""
    require("dnsmasq")
    lines = [zstack_lines(number) for number in range(count)]
    for file, texts in zip(("hosts", "options"), zip(*lines, strict=True), strict=True):
        peer.path(f"/run/{file}").write_text("".join(texts))
    peer.path("/run/dnsmasq.conf").write_text(ZSTACK)
    return _serve_dnsmasq(peer)


def restart_dnsmasq(peer: Guest, process: Process) -> Process:
    """End dnsmasq and start it again with the files as they are; do not wait."""
    process.kill()
    process = peer.start(DNSMASQ_WORDS)
    pin(process.pid, SERVING)
    return process


def _serve_dnsmasq(peer: Guest) -> Process:
    return start_peer(peer, DNSMASQ_WORDS, "/proc/net/udp", ":0043 ")


def start_dnsmasq_names(peer: Guest, count: int, upstream: str) -> Process:
    """Serve the names of *count* guests, and the names that *upstream* knows."""
    require("dnsmasq")
    addresses = [address(number) for number in range(count)]
    lines = [f"{each} {default_name(each)}.n1.example\n" for each in addresses]
    peer.path("/run/names").write_text("".join(lines))
    peer.path("/run/dnsmasq.conf").write_text(f"{DNSMASQ_NAMES}server={upstream}\n")
    words = ["dnsmasq", "-k", "-u", "root", "-C", "/run/dnsmasq.conf"]
    return start_peer(peer, words, "/proc/net/udp", ":0035 ")


def start_lighttpd(peer: Guest, documents: Mapping[str, bytes]) -> Process:
    """Serve plain files."""
    require("lighttpd")
    for path, octets in documents.items():
        file = peer.path("/run/www" + path)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(octets)
    peer.path("/run/lighttpd.conf").write_text(LIGHTTPD)
    words = ["lighttpd", "-D", "-f", "/run/lighttpd.conf"]
    return start_peer(peer, words, "/proc/net/tcp", ":0050 ")


def _zstack_rules(ip: str) -> str:
    patterns = (
        ("/zwatch-vm-agent.linux-amd64.bin", "/zwatch-vm-agent"),
        ("/agent-tools-update.sh", "/vm-tools.sh"),
        ("/.+/meta-data/(.+)", f"/{ip}/meta-data/$1"),
        ("/.+/meta-data", f"/{ip}/meta-data"),
        ("/.+/meta-data/", f"/{ip}/meta-data/"),
        ("/.+/user-data", f"/{ip}/user-data"),
        ("/.+/user_data", f"/{ip}/user_data"),
        ("/.+/meta_data.json", f"/{ip}/meta_data.json"),
        ("/.+/password", f"/{ip}/password"),
        ("/.+/", f"/{ip}/"),
    )
    rules = ",".join(f'"^{pattern}$" => "{target}"' for pattern, target in patterns)
    return f"url.rewrite-once = ({rules})"


def start_lighttpd_zstack(
    peer: Guest, count: int, documents: Mapping[str, bytes]
) -> Process:
    """Serve *count* guests as ZStack has lighttpd do it: a block of rules for each.

    *documents* are each guest's, by their path below its directory.
    """
    require("lighttpd")
    write_guests(peer, count, documents)
    blocks = [
        '$HTTP["url"] =~ "^/metrics/job" { url.access-deny = ("") }',
        '$HTTP["url"] =~ "^/host" { url.access-deny = ("") }',
    ]
    for number in range(count):
        ip = address(number)
        blocks.append(f'$HTTP["remoteip"] == "{ip}" {{ {_zstack_rules(ip)} }}')
    text = LIGHTTPD_ZSTACK + "\nelse ".join(blocks) + "\n"
    peer.path("/run/zstack.conf").write_text(text)
    words = ["lighttpd", "-D", "-f", "/run/zstack.conf"]
    return start_peer(peer, words, "/proc/net/tcp", ":049C ")


def start_nginx(peer: Guest, count: int, documents: Mapping[str, bytes]) -> Process:
    """Serve *count* guests by nginx, which finds a guest's directory in a map."""
    require("nginx")
    write_guests(peer, count, documents)
    lines = "".join(f"{address(each)} {address(each)};" for each in range(count))
    peer.path("/run/nginx.conf").write_text(NGINX.replace("GUESTS", lines))
    words = ["nginx", "-c", "/run/nginx.conf", "-e", "/dev/null"]
    return start_peer(peer, words, "/proc/net/tcp", ":1F90 ")


def write_guests(peer: Guest, count: int, documents: Mapping[str, bytes]) -> None:
    """Write *documents* of the first *count* guests, below /run/html."""
    for number in range(count):
        for path, octets in documents.items():
            file = peer.path(f"/run/html/{address(number)}/{path}")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(octets)


def start_peer(
    peer: Guest,
    words: Sequence[str],
    table: str,
    port: str,
    *,
    environment: Mapping[str, str] = {},
) -> Process:
    """Start a server on its processor; return when *port* is in *table*."""
    process = peer.start(words, environment=environment)
    until(
        lambda: port in peer.run(["cat", table]).stdout or process.poll() is not None,
        f"{words[0]} serves",
        within=READY_WITHIN,
        log=process.output,
    )
    if process.poll() is not None:
        raise RuntimeError(f"{words[0]} ended: {process.output()}")
    pin(process.pid, SERVING)
    return process
