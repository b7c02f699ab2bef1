"""The presets: each dialect leads where its clients look, and only that dialect."""

from importlib.resources import files
from ipaddress import IPv4Address

import pytest

from rewrite.ruleset import Asked
from rewrite.ruleset import Rewrite
from rewrite.ruleset import RuleSet

NAMES = ("ec2", "openstack", "nocloud", "zstack")
TEXTS = {
    name: (files("rewrite") / "presets" / f"{name}.rules").read_text(encoding="utf-8")
    for name in NAMES
}
FACTS = {"mac": "fa163e000005", "network": "n1"}


def rules(*names: str) -> RuleSet:
    return RuleSet.parse(*((name, TEXTS[name]) for name in names))


def ask(presets: RuleSet, path: str) -> Rewrite | None:
    return presets.apply(Asked(path, IPv4Address("10.0.0.5"), "GET", FACTS))


# path: target below the VM's directory ("LIST": a list of names), answer where missing
PATHS: dict[str, dict[str, tuple[str, str]]] = {
    "ec2": {
        "/": ("LIST", "404"),  # C57
        "/latest": ("LIST", "404"),
        "/latest/": ("LIST", "404"),
        "/2009-04-04/": ("LIST", "404"),
        # C33
        "/2009-04-04/meta-data/instance-id": ("meta-data/instance-id", "404"),
        "/2021-03-23/meta-data/instance-id": ("meta-data/instance-id", "404"),
        "/2018-09-24/meta-data/instance-id": ("meta-data/instance-id", "404"),
        "/2016-09-02/meta-data/instance-id": ("meta-data/instance-id", "404"),
        "/2021-03-23/meta-data/": ("meta-data/", "404"),
        "/2021-03-23/user-data": ("user-data", "404"),
        "/2009-04-04/meta-data/placement/": ("meta-data/placement/", "404"),
        # C38, but the token
        "/2021-03-23/dynamic/instance-identity": ("dynamic/instance-identity", "404"),
        "/2021-03-23/dynamic/instance-identity/document": (
            "dynamic/instance-identity/document",
            "404",
        ),
        # the directory that /latest/ lists
        "/latest/dynamic": ("dynamic/", "404"),
        "/latest/dynamic/": ("dynamic/", "404"),
        # C39, after OpenStack's own
        "/latest/meta-data/": ("meta-data/", "404"),
        "/latest/meta-data": ("meta-data/", "404"),
        # C42
        "/latest/meta-data/instance-id": ("meta-data/instance-id", "404"),
        "/latest/user-data": ("user-data", "404"),
        "/latest/meta-data/availability-zone": ("meta-data/availability-zone", "404"),
        # C56
        "/2009-04-04/meta-data/local-hostname": ("meta-data/local-hostname", "404"),
        "/2009-04-04/meta-data/public-keys": ("meta-data/public-keys", "empty"),
        "/2009-04-04/meta-data/public-keys/": ("meta-data/public-keys/", "empty"),
        "/2009-04-04/meta-data/public-keys/0/openssh-key": (
            "meta-data/public-keys/0/openssh-key",
            "404",
        ),
        "/2009-04-04/user-data": ("user-data", "404"),
        # C60
        "/2009-04-04/meta-data/public-hostname": ("meta-data/public-hostname", "404"),
        # C62
        "/latest/meta-data/iam/security-credentials/": (
            "meta-data/iam/security-credentials/",
            "404",
        ),
        "/latest/meta-data/placement/availability-zone/": (
            "meta-data/placement/availability-zone/",
            "404",
        ),
        # C63 (the doubled slash is gone before a rule sees it)
        "/latest/meta-data/public-keys/0/": ("meta-data/public-keys/0/", "404"),
        "/latest/meta-data/ramdisk-id": ("meta-data/ramdisk-id", "404"),
        # C73: a slash behind a leaf, any version
        "/2031-12-31/user-data/": ("user-data", "404"),
        "/1.0/meta-data/ami-id": ("meta-data/ami-id", "404"),
    },
    "openstack": {
        # C39
        "/openstack": ("LIST", "404"),
        "/openstack/": ("LIST", "404"),
        "/openstack/latest/": ("LIST", "404"),
        "/openstack/2018-08-27": ("LIST", "404"),
        "/openstack/2018-08-27/meta_data.json": ("meta_data.json", "404"),
        "/openstack/2018-08-27/user_data": ("user-data", "404"),
        "/openstack/2018-08-27/vendor_data.json": ("vendor_data.json", "404"),
        "/openstack/2018-08-27/vendor_data2.json": ("vendor_data2.json", "404"),
        "/openstack/2018-08-27/network_data.json": ("network_data.json", "404"),
        "/openstack/2012-08-10/meta_data.json": ("meta_data.json", "404"),
        # C52, C53
        "/openstack/latest/meta_data.json": ("meta_data.json", "404"),
        "/openstack/latest/user_data": ("user-data", "404"),
        "/openstack/latest/network_data.json": ("network_data.json", "404"),
        "/openstack/content/0000": ("content/0000", "404"),
        # C54
        "/openstack/2013-04-04/meta_data.json": ("meta_data.json", "404"),
        "/openstack/2013-04-04/password": ("password", "empty"),
        # C73
        "/openstack/latest/user_data/": ("user-data", "404"),
    },
    "nocloud": {
        # C41
        "/nocloud/meta-data": ("nocloud/meta-data", "404"),
        "/nocloud/user-data": ("user-data", "empty"),
        "/nocloud/vendor-data": ("vendor-data", "empty"),
        "/nocloud/network-config": ("network-config", "empty"),
        # C73
        "/nocloud/meta-data/": ("nocloud/meta-data", "404"),
        "/nocloud/user-data/": ("user-data", "empty"),
    },
    # zstack.md 3.2's table, of which other presets know nothing
    "zstack": {
        "/any/meta-data/instance-id": ("meta-data/instance-id", "404"),
        "/any/meta-data": ("meta-data/", "404"),
        "/any/meta-data/": ("meta-data/", "404"),
        "/a/b/c/meta-data/local-hostname": ("meta-data/local-hostname", "404"),
        "/10.0.0.9/meta-data/instance-id": ("meta-data/instance-id", "404"),
        "/any/meta-data/public-keys": ("meta-data/public-keys", "empty"),
        "/any/user-data": ("user-data", "404"),
        "/any/user_data": ("user-data", "404"),
        "/10.0.0.9/user-data": ("user-data", "404"),
        "/any/meta_data.json": ("meta_data.json", "404"),
        "/any/password": ("password", "empty"),
        "/latest/password": ("password", "empty"),
        "/any/": ("LIST", "404"),
        "/zwatch-vm-agent.linux-amd64.bin": ("SHARED/zwatch-vm-agent", "404"),
        "/zwatch-vm-agent.freebsd-amd64.bin": (
            "SHARED/zwatch-vm-agent_freebsd_amd64",
            "404",
        ),
        "/zwatch-vm-agent.linux-aarch64.bin": ("SHARED/zwatch-vm-agent_aarch64", "404"),
        "/zwatch-vm-agent.linux-mips64el.bin": (
            "SHARED/collectd_exporter_mips64el",
            "404",
        ),
        "/zwatch-vm-agent.linux-loongarch64.bin": (
            "SHARED/collectd_exporter_loongarch64",
            "404",
        ),
        "/agent-tools-update.sh": ("SHARED/vm-tools.sh", "404"),
        "/agent_version": ("SHARED/agent_version", "404"),  # zstack 3.5
        "/zwatch-vm-agent": ("SHARED/zwatch-vm-agent", "404"),
    },
}

# what zstack serves too, since any prefix is a version for it (zstack 3.2)
ZSTACK_TOO = {
    "/": ("LIST", "404"),
    "/latest/meta-data/instance-id": ("meta-data/instance-id", "404"),
    "/2009-04-04/meta-data/": ("meta-data/", "404"),
    "/2009-04-04/user-data": ("user-data", "404"),
    "/latest/": ("LIST", "404"),
    "/openstack/latest/meta_data.json": ("meta_data.json", "404"),
    "/openstack/2013-10-17/user_data": ("user-data", "404"),
    "/openstack/latest/password": ("password", "empty"),
}

# what nobody serves
NOBODY = [
    *("/x", "/latestx/meta-data/", "/latest/x", "/2009-4-4/user-data", "/10.0.0.9/x"),
    *("/openstackx", "/openstack/x", "/openstack/latest/x", "/openstack/content/x"),
    *("/nocloud", "/nocloud/x", "/vendor-data", "/user-data", "/password", "/shared/x"),
    *("/latest/meta-datax", "/openstack/latest/../x", "/agent_versionx", "/latest/api"),
]


def check(found: Rewrite | None, expected: tuple[str, str], preset: str) -> None:
    target, if_missing = expected
    assert found is not None
    assert found.origin.startswith(preset + ":")
    assert found.if_missing == if_missing
    if target == "LIST":
        assert found.target is None
        assert found.listing
    elif target.startswith("SHARED/"):
        assert found.target == "/shared/" + target.removeprefix("SHARED/")
    else:
        assert found.target == "/10.0.0.5/" + target


CASES = [(preset, path) for preset, paths in PATHS.items() for path in paths]


@pytest.mark.parametrize(("preset", "path"), CASES)
def test_a_path_leads_to_its_document(preset: str, path: str) -> None:
    """Every path that the clients of this dialect ask leads to its document, and with
    all presets on to the same (clients C33, C38, C39, C41, C42, C52, C54, C56, C57,
    C60, C62, C63, C73; zstack 3.2)."""
    check(ask(rules(preset), path), PATHS[preset][path], preset)
    check(ask(rules(*NAMES), path), PATHS[preset][path], preset)


@pytest.mark.parametrize("path", ZSTACK_TOO)
def test_zstack_knows_every_prefix(path: str) -> None:
    """Any prefix is a version for ZStack, which lists what it serves, and no other VM's
    directory is reached (zstack 3.2, table and consequences)."""
    check(ask(rules("zstack"), path), ZSTACK_TOO[path], "zstack")


@pytest.mark.parametrize("alone", NAMES)
def test_one_preset_alone_serves_its_dialect_alone(alone: str) -> None:
    """A preset serves its dialect and matches nothing of another, but for what zstack
    takes for a version (issue 3, point 3)."""
    for preset, path in CASES:
        found = ask(rules(alone), path)
        if preset == alone:
            assert found is not None, path
        elif alone != "zstack":
            assert found is None, path


@pytest.mark.parametrize("out", NAMES[:3])
def test_one_preset_taken_out_takes_its_dialect_out(out: str) -> None:
    """With all but zstack on and one taken out, exactly that dialect matches nothing
    (issue 3, point 3)."""
    left = [name for name in NAMES[:3] if name != out]
    for preset, path in CASES:
        found = ask(rules(*left), path)
        assert (found is not None) is (preset in left), path


@pytest.mark.parametrize("path", NOBODY)
def test_what_no_dialect_has_matches_nothing(path: str) -> None:
    """A path that no dialect has is nobody's: neither a misspelt version, nor a file of
    another VM or of the operator's."""
    assert ask(rules(*NAMES[:3]), path) is None


@pytest.mark.parametrize("path", ["/10.0.0.9/x", "/2009-04-04", "/openstack", "/a/b"])
def test_zstack_serves_no_other_files(path: str) -> None:
    """What no rule of ZStack's matches is nothing: there it was the raw file, another
    VM's too (zstack 3.2, consequences)."""
    assert ask(rules("zstack"), path) is None


def test_documents_have_their_types() -> None:
    """JSON says that it is JSON, EC2's leaves are text, user-data octets (metadata
    1.5, 2)."""
    types = {
        "/openstack/latest/meta_data.json": "application/json",
        "/openstack/latest/vendor_data2.json": "application/json",
        "/openstack/latest/password": "text/plain",
        "/openstack/latest/user_data": None,
        "/latest/meta-data/instance-id": "text/plain",
        "/latest/user-data": None,
        "/nocloud/user-data": None,
        "/any/user-data": None,
    }
    for path, content_type in types.items():
        found = ask(rules(*NAMES), path)
        assert found is not None
        assert found.content_type == content_type, path


def test_lists_have_the_names_that_clients_look_for() -> None:
    """EC2's root lists versions with `latest` last, OpenStack's too, a version lists
    its parts where they are (metadata 1.5, root; clients C39)."""
    ec2, openstack = rules("ec2"), rules("openstack")
    root = ask(ec2, "/")
    assert root is not None
    versions = [name for name, _ in root.listing]
    assert (versions[-1], versions) == ("latest", sorted(versions))
    assert {"1.0", "2009-04-04", "2016-09-02", "2018-09-24", "2021-03-23"} < {*versions}
    parts = ask(ec2, "/latest/")
    assert parts is not None
    assert parts.listing == (
        ("dynamic", "/10.0.0.5/dynamic/"),
        ("meta-data", "/10.0.0.5/meta-data/"),
        ("user-data", "/10.0.0.5/user-data"),
    )
    nova = ask(openstack, "/openstack")
    assert nova is not None
    versions = [name for name, _ in nova.listing]
    assert (versions[-1], versions) == ("latest", sorted(versions))
    assert {"2018-08-27", "2013-04-04", "2012-08-10"} < {*versions}
