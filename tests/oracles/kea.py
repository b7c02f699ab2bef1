"""Kea with the network of questions.py, told in Kea's own words.

Nothing of it is encoded by our code, but for option 121, which the Kea of Debian 12
knows no format for: its octets are written out.
"""

import json
from pathlib import Path

from .questions import BINDINGS
from .questions import LONG
from .questions import SENTINEL

# Sent to who did not ask, as ours are; Kea itself always adds 1, 3, 6 and 15.
ALWAYS = ("routers", "domain-name-servers", "domain-name", "interface-mtu", "routes")
ROUTES = (
    "00 0a000001"  # 0.0.0.0/0
    "20 a9fea9fe 0a000002"  # 169.254.169.254/32
    "10 0a09 0a000009"  # 10.9.0.0/16
    "09 0a80 0a000001"  # 10.128.0.0/9
    "19 c0000280 0a000001"  # 192.0.2.128/25
).replace(" ", "")
OPTIONS = {
    "routers": "10.0.0.1",
    "domain-name-servers": "10.0.0.2",
    "domain-name": "net1.example",
    "domain-search": "net1.example",
    "interface-mtu": "1500",
    "broadcast-address": "10.0.0.255",
    "ntp-servers": "10.0.0.3",
}
OCTETS = {
    "routes": (121, ROUTES),
    "microsoft-routes": (249, ROUTES),
    "long": (224, LONG.hex()),
    "short": (225, (b"b" * 120).hex()),
    "shorter": (226, (b"c" * 60).hex()),
}
IPXE = (
    "option[175].exists or option[77].hex == 'iPXE'"
    " or substring(option[77].hex, 0, 5) == 0x0469505845"
)
FILES = (
    # class, who is in it, its word of option 60, its file
    ("ipxe", IPXE, "PXEClient", "http://10.0.0.4/boot.ipxe"),
    ("bios", "option[93].hex == 0x0000", "PXEClient", "undionly.kpxe"),
    ("efi64", "option[93].hex == 0x0007", "PXEClient", "ipxe.efi"),
    ("http", "option[93].hex == 0x0010", "HTTPClient", "http://10.0.0.4/ipxe.efi"),
)
ENVIRONMENT = {"KEA_PIDFILE_DIR": "/run", "KEA_LOCKFILE_DIR": "/run"}


def configuration() -> dict[str, object]:
    """Return what is under Dhcp4 in kea-dhcp4.conf."""
    definitions = [
        {"name": name, "code": code, "type": "binary", "space": "dhcp4"}
        for name, (code, _) in OCTETS.items()
    ]
    options = [
        {"name": name, "data": text, "always-send": name in ALWAYS}
        for name, text in OPTIONS.items()
    ] + [
        {
            "name": name,
            "csv-format": False,
            "data": octets,
            "always-send": name in ALWAYS,
        }
        for name, (_, octets) in OCTETS.items()
    ]
    reservations = [
        {
            "hw-address": str(binding.hardware),
            "ip-address": str(binding.address),
            "hostname": binding.hostname,
        }
        for binding in (*BINDINGS, SENTINEL)
    ]
    classes = [
        {
            "name": name,
            "test": test if name == "ipxe" else f"not member('ipxe') and {test}",
            "next-server": "10.0.0.4",
            "boot-file-name": file,
            "option-data": [
                {
                    "name": "vendor-class-identifier",
                    "data": word,
                    "always-send": True,
                },
                {"name": "tftp-server-name", "data": "10.0.0.4"},
                {
                    "name": "boot-file-name",
                    "data": file,
                    "always-send": word == "HTTPClient",
                },
            ],
        }
        for name, test, word, file in FILES
    ]
    return {
        "client-classes": classes,
        "interfaces-config": {"interfaces": ["inner0"], "dhcp-socket-type": "raw"},
        "lease-database": {"type": "memfile", "persist": False},
        "match-client-id": False,
        "valid-lifetime": 86_400,
        "min-valid-lifetime": 60,
        "calculate-tee-times": True,
        "t1-percent": 0.5,
        "t2-percent": 0.875,
        "option-def": definitions,
        "option-data": options,
        "subnet4": [{"id": 1, "subnet": "10.0.0.0/24", "reservations": reservations}],
        "loggers": [
            {
                "name": "kea-dhcp4",
                "output_options": [{"output": "stdout"}],
                "severity": "INFO",
            }
        ],
    }


def prepare(folder: Path) -> list[str]:
    """Write the configuration; return the command that serves it."""
    file = folder / "kea.conf"
    file.write_text(json.dumps({"Dhcp4": configuration()}))
    return ["kea-dhcp4", "-c", str(file)]
