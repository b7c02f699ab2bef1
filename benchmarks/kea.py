"""Kea, as Debian ships it: reservations in its file, leases in memory alone.

What makes it fast is chosen: a guest is looked for by its MAC only, reservations of the
subnet (not global ones) that are out of every pool, leases that are not written
(`persist` false), and no line for each packet: its log says warnings.
"""

import json

from appliance.lab.cell import Process
from appliance.lab.cell import require
from appliance.lab.guest import Guest

from .bench import ASKING
from .bench import SERVING
from .bench import address
from .bench import mac
from .bench import pin
from .peers import default_name
from .peers import start_peer

FILE = "/run/kea.conf"
ROUTES = bytes([0, 10, 8, 0, 1, 32, 169, 254, 169, 254, 10, 8, 0, 2]).hex()
DIRECTORIES = {"KEA_PIDFILE_DIR": "/run", "KEA_LOCKFILE_DIR": "/run"}
THREADS = 2


def configuration(count: int, threads: int, names: dict[int, str] | None = None) -> str:
    """Return the file; *names* are of guests that are not called as by default."""
    called = names or {}
    options: list[dict[str, object]] = [
        {"name": "routers", "data": "10.8.0.1"},
        {"name": "domain-name-servers", "data": "10.8.0.53"},
        {"name": "domain-name", "data": "n1.example"},
        {"name": "interface-mtu", "data": "1500"},
        {"code": 121, "csv-format": False, "data": ROUTES},
    ]
    reservations = [
        {
            "hw-address": mac(number),
            "ip-address": address(number),
            "hostname": called.get(number) or default_name(address(number)),
        }
        for number in range(count)
    ]
    dhcp4 = {
        "interfaces-config": {"interfaces": ["eth0"]},
        "lease-database": {"type": "memfile", "persist": False, "lfc-interval": 0},
        "multi-threading": {
            "enable-multi-threading": threads > 1,
            "thread-pool-size": threads,
        },
        "valid-lifetime": 86400,
        "ddns-send-updates": False,
        "host-reservation-identifiers": ["hw-address"],
        "match-client-id": False,
        "reservations-global": False,
        "reservations-in-subnet": True,
        "reservations-out-of-pool": True,
        "option-data": options,
        "subnet4": [{"id": 1, "subnet": "10.8.0.0/16", "reservations": reservations}],
        "loggers": [
            {
                "name": "kea-dhcp4",
                "severity": "WARN",
                "output_options": [{"output": "stdout"}],
            }
        ],
    }
    return json.dumps({"Dhcp4": dhcp4})


def start_kea(peer: Guest, count: int, threads: int) -> Process:
    """Serve *count* guests: on one processor, or by *threads* on both."""
    require("kea-dhcp4")
    peer.path(FILE).write_text(configuration(count, threads))
    words = ["kea-dhcp4", "-c", FILE]
    kea = start_peer(peer, words, "/proc/net/udp", ":0043 ", environment=DIRECTORIES)
    if threads > 1:
        pin(kea.pid, ASKING, SERVING)
    return kea
