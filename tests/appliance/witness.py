"""What the kernel says of a network, asked with the system's own tools."""

import json
from typing import Any

from appliance import namespace
from appliance import steering
from appliance.attachment import Attachment
from appliance.attachment import Bridged
from tests.appliance.plumbing import js
from tests.appliance.plumbing import sh
from tests.appliance.plumbing import where


def state(attachment: Attachment) -> dict[str, Any]:
    """Read all that `up` makes, by other means than ours, comparable with another's."""
    at = where(attachment)
    first = namespace.path(at.namespace)
    (inner,) = [x for x in js(f"ip -j -n {at.namespace} link") if x["ifname"] != "lo"]
    number = inner["ifname"].removeprefix("inner")
    (outer,) = js(f"ip -j -d link show outer{number}")
    conf = f"ip netns exec {at.namespace} sysctl -a -r 'net.ipv[46].(conf|ip_forward)'"
    found = {
        "same": first.stat().st_ino == at.netns.stat().st_ino,
        "named": [x["nsid"] for x in js("ip -j netns list-id") if _named(x, at)],
        "outer": _chosen(outer, "ifname mtu address ifalias master operstate flags"),
        "inner": _chosen(inner, "ifname mtu address operstate flags"),
        "joined": (outer["link_netnsid"], outer["link_index"]),
        "addresses": [
            (x["local"], x["prefixlen"], x["scope"])
            for link in js(f"ip -j -n {at.namespace} addr")
            for x in link["addr_info"]
        ],
        "fixed": [
            sorted(map(str, _chosen(x, "mac flags state master").values()))
            for x in js(f"bridge -j fdb show br {at.bridge} brport outer{number}")
            if x["mac"] == inner["address"]
        ],
        "settings": sorted(sh(conf).splitlines()),
        "steering": _without_handles(
            js(f"nft -j list table bridge {steering.table(attachment.network)}")
        ),
    }
    found["joined"] = found["joined"] == (int(number), inner["ifindex"])
    found["named"] = found["named"] == [int(number)]
    text = json.dumps(found).replace(f"outer{number}", "outerN")
    return dict(json.loads(text.replace(f"inner{number}", "innerN")))


def _named(listed: dict[str, Any], at: Bridged) -> bool:
    return listed.get("name") == at.namespace


def _chosen(found: dict[str, Any], keys: str) -> dict[str, Any]:
    return {key: found.get(key) for key in keys.split()}


def _without_handles(found: Any) -> Any:
    if isinstance(found, list):
        return [_without_handles(each) for each in found]
    if isinstance(found, dict):
        ignored = ("handle", "metainfo", "packets", "bytes")
        return {k: _without_handles(v) for k, v in found.items() if k not in ignored}
    return found


def nothing_left(attachment: Attachment) -> list[str]:
    """List what there still is of a network after `down`."""
    at = where(attachment)
    links = [x["ifname"] for x in js("ip -j link")]
    tables = sh("nft list tables").split()
    return [
        *(name for name in links if name.startswith("outer")),
        *(str(p) for p in (namespace.path(at.namespace), at.netns) if p.exists()),
        *(name for name in tables if name == steering.table(attachment.network)),
    ]
