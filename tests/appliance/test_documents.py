"""Documents made from a binding, in whatever dialect: ids, paths and names."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.dialects.told import instance_id
from appliance.documents import FRESH
from appliance.documents import find_path
from appliance.documents import make_tree
from appliance.documents import names_in
from appliance.documents import told

from .told import KEYS
from .told import document
from .told import guest
from .told import network
from .told import record

ID = "190cf164-a8db-5a9c-9e3e-0714e9166bb0"


def test_an_id_for_ever() -> None:
    """Without instance_id: a UUIDv5 of network and MAC, the same on every host."""
    assert instance_id(network(), record()) == ID
    assert instance_id(network(), record(ip="10.0.0.9", hostname="x")) == ID
    assert instance_id(network(), record(mac="fa:16:3e:00:00:06")) != ID
    assert instance_id(network(), record(instance_id="i-1")) == "i-1"


@pytest.mark.parametrize("given_id", [None, "i-1"])
def test_the_same_id_in_every_dialect(given_id: str | None) -> None:
    """A plugin that runs once must see the same id at every boot, in each dialect."""
    more: dict[str, Any] = {} if given_id is None else {"instance_id": given_id}
    ids = {
        document("meta-data/instance-id", **more).decode(),
        json.loads(document("meta_data.json", **more))["uuid"],
        json.loads(document("nocloud/meta-data", **more))["instance-id"],
    }
    assert ids == {given_id or ID}


def test_public_keys() -> None:
    """metadata 1.5: 0=ops is also answered as 0."""
    for directory in ("0", "0=ops"):
        path = f"meta-data/public-keys/{directory}/openssh-key"
        assert document(path, public_keys=KEYS) == KEYS["ops"].encode()
    for path in (
        "1=ops/openssh-key",
        "2/openssh-key",
        "0/other",
        "0",
        "00/openssh-key",
    ):
        path = f"meta-data/public-keys/{path}"
        assert find_path(make_tree(guest(public_keys=KEYS)), path) is None


def test_names_of_directories() -> None:
    """metadata 1.5: directories end with "/"; no key: public-keys is not listed."""
    assert "public-keys/" not in names_in(make_tree(guest()), "meta-data")
    tree = make_tree(guest(public_keys=KEYS))
    assert {"instance-id", "public-keys/"} <= set(names_in(tree, "meta-data"))
    assert names_in(tree, "meta-data/public-keys") == ("0=ops/", "1=dev/")
    assert names_in(tree, "meta-data/public-keys/0") == ("openssh-key",)
    assert names_in(tree, "meta-data/public-keys/1=dev") == ("openssh-key",)
    assert names_in(tree, "nothing") == ()


def test_every_name_can_be_asked_for() -> None:
    """A name that is listed and 404 stops cloud-init's crawl (clients C35)."""
    tree = make_tree(guest(public_keys=KEYS))
    found = []

    def crawl(directory: str) -> None:
        for name in names_in(tree, directory):
            path = f"{directory}/{name}".strip("/")
            if name.endswith("/"):
                crawl(path)
            else:
                found.append(find_path(tree, path))

    crawl("")
    assert set(found) == set(tree)


@given(st.text(max_size=30))
def test_nothing_is_made_at_any_other_path(path: str) -> None:
    tree = make_tree(guest(public_keys=KEYS))
    assert (find_path(tree, path) is None) == (path not in tree)


def test_only_what_has_random_octets_is_fresh() -> None:
    """Nobody remembers a document whose octets are never the same twice (issue 5.3)."""
    seeds = iter(range(256))
    more = {"public_keys": KEYS, "meta": {"role": "web"}, "admin_pass": "pw"}
    tree = make_tree(told(network(), record(**more), lambda: bytes([next(seeds)])))
    assert {path for path, make in tree.items() if make() != make()} == FRESH


@pytest.mark.parametrize(
    ("presets", "made"),
    [
        (["ec2"], {"meta-data/mac"}),
        (["openstack"], {"meta-data/mac", "meta_data.json", "network_data.json"}),
        (["nocloud"], {"meta-data/mac", "nocloud/meta-data", "network-config"}),
        (["zstack"], {"meta-data/mac", "meta_data.json"}),
        ([], {"meta-data/mac"}),
    ],
)
def test_what_a_preset_speaks_of_is_made(presets: list[str], made: set[str]) -> None:
    """issue 5.3: what is not enabled makes nothing; EC2's leaves are all dialects'."""
    telling = {"meta-data/mac", "meta_data.json", "network_data.json"}
    telling |= {"nocloud/meta-data", "network-config"}
    tree = make_tree(guest(network(metadata={"presets": presets})))
    assert made <= tree.keys()
    if "zstack" not in presets:
        assert telling & tree.keys() == made
