"""EC2's leaves, made from a binding: what its clients cannot do without."""

import json
import re

from appliance.documents import make_tree
from appliance.documents import names_in

from .told import KEYS
from .told import document
from .told import guest
from .told import network

MACS = "meta-data/network/interfaces/macs"
OWN = f"{MACS}/fa:16:3e:00:00:05"
OTHER = f"{MACS}/fa:16:3e:00:00:06"
# what metadata 2 and issue 5.2 list, for a guest with a domain, a key and a tag
LISTED = {
    "ami-id",
    "ami-launch-index",
    "hostname",
    "instance-id",
    "instance-type",
    "local-hostname",
    "local-ipv4",
    "mac",
    "network/",
    "placement/",
    "public-keys/",
    "reservation-id",
    "security-groups",
    "services/",
    "tags/",
}


def test_what_is_listed() -> None:
    """issue 5.2: the leaves that EC2's clients know, each with a value."""
    told = guest(network(domain="a.example"), public_keys=KEYS, meta={"role": "web"})
    tree = make_tree(told)
    assert set(names_in(tree, "meta-data")) == LISTED
    assert names_in(tree, "dynamic/instance-identity") == ("document",)
    assert all(make() for make in tree.values())


def test_a_leaf_is_its_value() -> None:
    """metadata 1.5: no line feed."""
    assert document("meta-data/local-hostname") == b"ip-10-0-0-5"
    assert document("meta-data/local-hostname", hostname="web") == b"web"
    assert document("meta-data/local-ipv4") == b"10.0.0.5"
    assert document("meta-data/mac") == b"fa:16:3e:00:00:05"
    tree = make_tree(guest(public_keys=KEYS))
    leaves = {path: make() for path, make in tree.items() if path.startswith("meta-")}
    assert not [path for path, octets in leaves.items() if b"\n" in octets]


def test_the_hostname_has_its_domain() -> None:
    """issue 5.3: hostname is the whole name, local-hostname the label."""
    one = network(domain="a.example")
    assert document("meta-data/hostname", one, hostname="web") == b"web.a.example"
    assert document("meta-data/local-hostname", one, hostname="web") == b"web"
    own = {"hostname": "web", "domain": "b.example"}
    assert document("meta-data/hostname", one, **own) == b"web.b.example"
    assert document("meta-data/services/domain", one, **own) == b"b.example"
    assert document("meta-data/hostname", hostname="web") == b"web"
    assert "meta-data/services/domain" not in make_tree(guest())


def test_every_nic_has_a_directory() -> None:
    """issue 5.3: several NICs, in the order of the binding, each MAC once."""
    interfaces = [
        {"mac": "fa:16:3e:00:00:06", "ip": "10.7.0.6", "prefix": 16},
        {"mac": "fa:16:3e:00:00:05", "ip": "10.0.0.5"},
        {"mac": "fa:16:3e:00:00:07"},
    ]
    tree = make_tree(guest(interfaces=interfaces))
    assert names_in(tree, MACS) == tuple(
        f"fa:16:3e:00:00:0{number}/" for number in (5, 6, 7)
    )
    assert tree[f"{OWN}/device-number"]() == b"0"
    assert tree[f"{OTHER}/device-number"]() == b"1"
    assert tree[f"{MACS}/fa:16:3e:00:00:07/device-number"]() == b"2"
    assert tree[f"{OWN}/subnet-ipv4-cidr-block"]() == b"10.0.0.0/24"
    assert tree[f"{OTHER}/subnet-ipv4-cidr-block"]() == b"10.7.0.0/16"
    assert tree[f"{OTHER}/local-ipv4s"]() == b"10.7.0.6"
    assert tree[f"{OTHER}/mac"]() == b"fa:16:3e:00:00:06"
    assert tree[f"{OWN}/vpc-id"]() == tree[f"{OTHER}/vpc-id"]() == b"n1"
    assert f"{MACS}/fa:16:3e:00:00:07/local-ipv4s" not in tree
    ids = {make() for path, make in tree.items() if path.endswith("/interface-id")}
    assert len(ids) == 3
    assert all(re.fullmatch(rb"eni-[0-9a-f]{17}", each) for each in ids)


def test_a_second_nic_of_the_same_network() -> None:
    """Its prefix is known although the binding does not say it."""
    tree = make_tree(guest(interfaces=[{"mac": "fa:16:3e:00:00:06", "ip": "10.0.0.6"}]))
    assert tree[f"{OTHER}/subnet-ipv4-cidr-block"]() == b"10.0.0.0/24"


def test_tags_are_meta() -> None:
    """tags/instance: a key that no listing can hold is left out (clients C34, C35)."""
    meta = {
        "role": "web",
        "a:b@c.d-e_f=g": "kept",
        "0=x": "a key's directory",
        "a/b": "two names",
        "a b": "a blank",
        ".hidden": "not served",
        "old~": "not served",
    }
    tree = make_tree(guest(meta=meta))
    assert names_in(tree, "meta-data/tags/instance") == ("role", "a:b@c.d-e_f=g")
    assert tree["meta-data/tags/instance/role"]() == b"web"
    assert document("meta_data.json", meta=meta)


def test_the_identity_document() -> None:
    """clients C38: instanceId is the id, region the one of the zone."""
    found = json.loads(document("dynamic/instance-identity/document"))
    assert found["instanceId"] == document("meta-data/instance-id").decode()
    zone = document("meta-data/placement/availability-zone").decode()
    assert (found["availabilityZone"], found["region"]) == (zone, zone)
    assert found["imageId"] == document("meta-data/ami-id").decode()
    assert found["privateIp"] == "10.0.0.5"


def test_a_value_never_changes() -> None:
    """What has no source in the binding is the same at every boot, and its guest's."""
    path = "meta-data/reservation-id"
    assert document(path) == document(path, hostname="other", ip="10.0.0.9")
    assert document(path) != document(path, mac="fa:16:3e:00:00:06")
    assert document(path, instance_id="i-1") == b"r-de8c8ef31a335c72b"
