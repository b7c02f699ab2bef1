"""dnsmasq with the network of questions.py, told in dnsmasq's own words."""

from pathlib import Path

from .questions import BINDINGS
from .questions import SENTINEL

ROUTES = (
    "0.0.0.0/0,10.0.0.1,169.254.169.254/32,10.0.0.2,"
    "10.9.0.0/16,10.0.0.9,10.128.0.0/9,10.0.0.1,192.0.2.128/25,10.0.0.1"
)
CONFIGURATION = f"""\
port=0
interface=inner0
bind-interfaces
no-ping
leasefile-ro
dhcp-rapid-commit
dhcp-ignore=tag:bootp
dhcp-range=10.0.0.0,static,255.255.255.0,1d
dhcp-option-force=3,10.0.0.1
dhcp-option-force=6,10.0.0.2
dhcp-option-force=15,net1.example
dhcp-option-force=26,1500
dhcp-option-force=121,{ROUTES}
dhcp-option=249,{ROUTES}
dhcp-option=28,10.0.0.255
dhcp-option=42,10.0.0.3
dhcp-option=119,net1.example
dhcp-option=225,{"b" * 120}
dhcp-option=226,{"c" * 60}
dhcp-match=set:ipxe,175
dhcp-userclass=set:ipxe,iPXE
dhcp-match=set:bios,option:client-arch,0
dhcp-match=set:efi64,option:client-arch,7
dhcp-match=set:http,option:client-arch,16
dhcp-boot=tag:ipxe,http://10.0.0.4/boot.ipxe,,10.0.0.4
dhcp-boot=tag:!ipxe,tag:bios,undionly.kpxe,,10.0.0.4
dhcp-boot=tag:!ipxe,tag:efi64,ipxe.efi,,10.0.0.4
dhcp-boot=tag:!ipxe,tag:http,http://10.0.0.4/ipxe.efi,,10.0.0.4
dhcp-option-force=tag:http,60,HTTPClient
"""


def prepare(folder: Path) -> list[str]:
    """Write the configuration; return the command that serves it."""
    file = folder / "dnsmasq.conf"
    hosts = "".join(
        f"dhcp-host={each.hardware},{each.address},{each.hostname}\n"
        for each in (*BINDINGS, SENTINEL)
    )
    file.write_text(CONFIGURATION + hosts)
    return ["dnsmasq", "-k", "-u", "root", "-C", str(file), "--log-facility=-"]
