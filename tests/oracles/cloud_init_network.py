"""Debian's cloud-init, as it reads network configurations; run by /usr/bin/python3.

A line of JSON comes in: `openstack` or `nocloud`, the document, and the NICs that the
guest has.  A line goes out: each NIC and the name servers, as it understood them.
"""

import json
import sys
from typing import Any

from cloudinit.net import network_state  # type: ignore[import-not-found] # Debian's
from cloudinit.sources.helpers import openstack  # type: ignore[import-not-found] # same


def understand(kind: str, document: Any, names: dict[str, str]) -> dict[str, Any]:
    if kind == "openstack":
        document = openstack.convert_net_json(document, known_macs=names)
    state = network_state.parse_net_config_data(document)
    keys = ("mac_address", "mtu", "subnets")
    return {
        "nics": [
            {key: each.get(key) for key in keys} for each in state.iter_interfaces()
        ],
        "servers": state.dns_nameservers,
        "search": state.dns_searchdomains,
    }


for line in sys.stdin:
    print(json.dumps(understand(*json.loads(line))), flush=True)
