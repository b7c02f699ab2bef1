"""A guest of a network, and the documents that are made for it."""

import json
from pathlib import Path
from typing import Any

from appliance.dialects.told import ContentFile
from appliance.dialects.told import Told
from appliance.documents import find_path
from appliance.documents import make_tree
from appliance.documents import told
from appliance.layout import Layout
from appliance.records import Record
from appliance.records import parse_record
from appliance.settings import Settings
from appliance.settings import parse_settings

FILES = Layout(Path("/nowhere")).network("n1")
NETWORK: dict[str, Any] = {
    "subnet": "10.0.0.0/24",
    "gateway": "10.0.0.1",
    "dhcp_address": "10.0.0.2",
    "dns": ["10.0.0.53"],
    "mtu": 1450,
    "routes": ["10.8.0.0/16 via 10.0.0.8"],
}
PLAIN: dict[str, Any] = {"mac": "fa:16:3e:00:00:05", "ip": "10.0.0.5"}
KEYS = {"ops": "ssh-ed25519 AAAA ops", "dev": "ssh-rsa BBBB"}
SEED = bytes(range(256)) * 2


def network(*, dhcp: bool = True, metadata: Any = None, **more: Any) -> Settings:
    values = {
        "network": {**NETWORK, **more},
        "attach": {"bridge": "br0"},
        "dhcp": {"enabled": dhcp},
        "metadata": metadata or {},
    }
    return parse_settings(FILES, values)


def record(**more: Any) -> Record:
    return parse_record(json.dumps({**PLAIN, **more}), "f", network())


def guest(
    settings: Settings | None = None,
    /,
    content: tuple[ContentFile, ...] = (),
    **more: Any,
) -> Told:
    settings = settings or network()
    return told(settings, record(**more), lambda: SEED, content=content)


def document(path: str, settings: Settings | None = None, /, **more: Any) -> bytes:
    tree = make_tree(guest(settings, **more))
    spelled = find_path(tree, path)
    assert spelled is not None, f"nothing is made at {path}"
    return tree[spelled]()
