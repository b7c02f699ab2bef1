"""systemd-resolved in a guest: the stub between its programs and our answers."""

from pathlib import Path

from appliance.lab.cell import Process
from appliance.lab.guest import Guest
from appliance.lab.installation import PACKAGES
from appliance.lab.patience import until

from .names import SERVER

STUB = "127.0.0.53"
SERVES_WITHIN = 30.0  # seconds
RESOLVED = [
    PACKAGES / ".deps-resolved" / place / "systemd/systemd-resolved"
    for place in ("lib", "usr/lib")
]
CONF = """\
[Resolve]
DNS={server}
Domains={domain}
LLMNR=no
MulticastDNS=no
DNSSEC={dnssec}
"""
USER = "systemd-resolve"


def start_resolved(
    guest: Guest,
    *,
    dnssec: str,
    domain: str = "n1.example",
    server: str = SERVER,
    trust: str = "",
) -> Process:
    """Start it, to ask *server*; *trust* is a DS of the root to begin from."""
    (program,) = (each for each in RESOLVED if each.exists())
    if USER not in guest.path("/etc/passwd").read_text():
        with guest.path("/etc/passwd").open("a") as accounts:
            accounts.write(f"{USER}:x:991:991::/:/usr/sbin/nologin\n")
        with guest.path("/etc/group").open("a") as groups:
            groups.write(f"{USER}:x:991:\n")
    guest.path("/etc/systemd/resolved.conf").write_text(
        CONF.format(server=server, domain=domain, dnssec=dnssec)
    )
    guest.path("/etc/resolv.conf").write_text(
        f"nameserver {STUB}\noptions edns0 trust-ad\nsearch {domain}\n"
    )
    if trust:
        anchors = guest.path("/etc/dnssec-trust-anchors.d")
        anchors.mkdir(exist_ok=True)
        (anchors / "root.positive").write_text(trust)
    owned = ["-o", USER, "-g", USER]
    made = guest.run(["install", "-d", *owned, "/run/systemd/resolve"])
    assert made.returncode == 0, made
    stub = guest.start([str(program)])
    until(
        lambda: (
            stub.poll() is not None
            or ":0035 " in Path(f"/proc/{guest.pid}/net/udp").read_text()
        ),
        "the stub serves",
        within=SERVES_WITHIN,
        log=stub.output,
    )
    return stub
