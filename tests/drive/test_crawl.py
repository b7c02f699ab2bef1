"""What is on a drive is what HTTP answers."""

import json

import pytest

from appliance.drive.crawl import LAYOUTS
from appliance.drive.crawl import Drive
from appliance.drive.crawl import Fetch
from appliance.errors import SettingsError

SERVED = {
    "/openstack": b"2018-08-27\n../..\nlatest",
    "/openstack/latest/": b"..\nmeta_data.json\npassword\nuser_data\nx/",
    "/openstack/latest/..": b"odd",
    "/openstack/latest/x/": b"odd",
    "/openstack/../../": b"odd",
    "/openstack/../../odd": b"odd",
    "/openstack/2018-08-27/": b"meta_data.json",
    "/openstack/latest/meta_data.json": b'{"uuid": "i-1"}',
    "/openstack/2018-08-27/meta_data.json": b'{"uuid": "i-1"}',
    "/openstack/latest/user_data": b"\x1f\x8b\0",
    "/openstack/latest/password": b"",
    "/openstack/content/0000": b"of a file",
    "/openstack/content/0001": b"of a network",
    "/2009-04-04/meta-data/": b"instance-id\nplacement/\npublic-keys/",
    "/2009-04-04/meta-data/instance-id": b"i-1",
    "/2009-04-04/meta-data/placement/": b"availability-zone",
    "/2009-04-04/meta-data/placement/availability-zone": b"nova",
    "/2009-04-04/meta-data/public-keys/": b"0=ops",
    "/2009-04-04/meta-data/public-keys/0/": b"openssh-key",
    "/2009-04-04/meta-data/public-keys/0/openssh-key": b"ssh-ed25519 AAAA",
    "/2009-04-04/user-data": b"\x1f\x8b\0",
    "/nocloud/meta-data": b"instance-id: i-1\n",
    "/nocloud/user-data": b"",
    "/nocloud/vendor-data": b"",
    "/nocloud/network-config": b"version: 2\n",
}


def fetching(**changed: bytes | None) -> Fetch:
    served: dict[str, bytes | None] = {**SERVED, **changed}
    return served.get


def test_openstack() -> None:
    """issue 5.9: every version that is listed, each with what is listed there and is
    served; a password is nothing to read. ec2/ has the leaves as nova nests them."""
    files = LAYOUTS["openstack"].read(fetching())
    user_data = SERVED["/2009-04-04/user-data"]
    assert files == {
        "openstack/latest/meta_data.json": b'{"uuid": "i-1"}',
        "openstack/latest/user_data": user_data,
        "openstack/2018-08-27/meta_data.json": b'{"uuid": "i-1"}',
        "ec2/2009-04-04/meta-data.json": files["ec2/2009-04-04/meta-data.json"],
        "ec2/2009-04-04/user-data": user_data,
        "ec2/latest/meta-data.json": b"{}",
    }
    assert json.loads(files["ec2/2009-04-04/meta-data.json"]) == {
        "instance-id": "i-1",
        "placement": {"availability-zone": "nova"},
        "public-keys": {"0": {"_name": "0=ops", "openssh-key": "ssh-ed25519 AAAA"}},
    }


@pytest.mark.parametrize("slash", ["", "/"])
def test_content_that_meta_data_names(slash: str) -> None:
    """issue 5.9: files, and the network's, lie in content/ and nowhere else."""
    document = {
        "files": [
            {"path": "/etc/x", "content_path": f"{slash}content/0000"},
            "no file",
        ],
        "network_config": {"content_path": f"{slash}content/0001"},
    }
    named = json.dumps(document).encode()
    asked = fetching(**{"/openstack/latest/meta_data.json": named})
    files = LAYOUTS["openstack"].read(asked)
    assert {path for path in files if "content" in path} == {
        "openstack/content/0000",
        "openstack/content/0001",
    }
    assert files["openstack/content/0000"] == b"of a file"


@pytest.mark.parametrize("path", ["/content/../../../etc/passwd", "content/motd", ""])
def test_content_that_a_drive_cannot_hold(path: str) -> None:
    """issue 5.9: cloud-init would have no data at all: it is said here."""
    named = json.dumps({"files": [{"path": "/x", "content_path": path}]}).encode()
    asked = fetching(**{"/openstack/latest/meta_data.json": named})
    with pytest.raises(SettingsError, match=f"names '{path}', which no drive holds"):
        LAYOUTS["openstack"].read(asked)


def test_content_that_is_not_there() -> None:
    """issue 5.9: cloud-init would have no data at all: it is said here."""
    named = b'{"files": [{"path": "/x", "content_path": "/content/0009"}]}'
    asked = fetching(**{"/openstack/latest/meta_data.json": named})
    with pytest.raises(SettingsError, match="names content/0009, which is not there"):
        LAYOUTS["openstack"].read(asked)


@pytest.mark.parametrize(
    "document", [b"{", b"[]", b'{"files": 3}', b"\xff", b"[" * 9999]
)
def test_a_dropped_meta_data_goes_as_it_is(document: bytes) -> None:
    """issue 5.9: what the operator dropped is not judged."""
    asked = fetching(**{"/openstack/latest/meta_data.json": document})
    files = LAYOUTS["openstack"].read(asked)
    assert files["openstack/latest/meta_data.json"] == document


def test_nocloud() -> None:
    """issue 5.9: user-data is demanded; what is empty over HTTP is none."""
    files = LAYOUTS["nocloud"].read(fetching())
    assert files == {
        "meta-data": b"instance-id: i-1\n",
        "user-data": b"",
        "network-config": b"version: 2\n",
    }


def test_nothing_is_served() -> None:
    for layout in LAYOUTS.values():
        assert layout.required not in layout.read(lambda path: None)


def test_directories_come_in_their_order() -> None:
    """A directory is made after the one around it."""
    drive = Drive("x", {"b/c-d/e": b"", "b/c/e": b"", "a": b""})
    assert drive.directories == ("b", "b/c", "b/c-d")
