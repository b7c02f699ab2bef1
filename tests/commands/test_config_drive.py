"""`metalease config-drive`: an image of what a guest would be served."""

import json
import os
import stat
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.appliance.house import N1
from tests.appliance.house import House
from tests.appliance.house import ip
from tests.drive.readers import unpack

pytestmark = pytest.mark.machine

USER_DATA = b"\x1f\x8b\0 of its own"


@pytest.fixture
def house(tmp_path: Path) -> House:
    house = House.build(tmp_path / "root")
    house.bind(5, hostname="web", public_keys={"ops": "ssh-ed25519 AAAA"})
    house.drop(ip(5), "user-data", USER_DATA)
    house.drop("default", "vendor_data.json", b'{"cloud-init": "all"}')
    return house


def made(house: House, folder: Path, *words: str) -> dict[str, bytes]:
    """Make the drive of 10.0.0.5 and return what 7z takes out of it."""
    folder.mkdir()
    image = folder / "image"
    said = house.metalease("config-drive", "n1", ip(5), "-o", image, *words)
    assert (said.code, said.out, said.err) == (0, "", "")
    if "vfat-partition" in words:
        image.write_bytes(image.read_bytes()[1 << 20 :])
    return unpack(image, folder / "out")


@pytest.mark.parametrize("form", ["iso9660", "vfat", "vfat-partition"])
def test_the_documents_that_http_serves(
    form: str, house: House, tmp_path: Path
) -> None:
    """issue 5.9: a dropped document wins over default/, and that over what is made;
    every version that /openstack lists has them."""
    files = made(house, tmp_path / "a", "--format", form)
    said = house.metalease(
        "explain", "n1", "http", ip(5), "GET", "/openstack", "--json"
    )
    assert json.loads(said.out)["status"] == 200
    versions = {path.split("/")[1] for path in files if path.startswith("openstack/")}
    assert {"2012-08-10", "2013-04-04", "2018-08-27", "latest"} <= versions
    for version in versions:
        assert files[f"openstack/{version}/user_data"] == USER_DATA
        document = json.loads(files[f"openstack/{version}/meta_data.json"])
        assert document["public_keys"] == {"ops": "ssh-ed25519 AAAA"}
    latest = "openstack/latest"
    assert files[f"{latest}/vendor_data.json"] == b'{"cloud-init": "all"}'
    assert json.loads(files[f"{latest}/network_data.json"])["links"]
    assert not [path for path in files if path.endswith("password")]
    for version in ("2009-04-04", "latest"):
        leaves = json.loads(files[f"ec2/{version}/meta-data.json"])
        assert leaves["local-hostname"] == "web"
        assert leaves["public-keys"]["0"]["openssh-key"] == "ssh-ed25519 AAAA"
        assert files[f"ec2/{version}/user-data"] == USER_DATA


@pytest.mark.parametrize("form", ["iso9660", "vfat", "vfat-partition"])
def test_files_of_the_guest(form: str, house: House, tmp_path: Path) -> None:
    """issue 5.9: those that the index of content/ names, and each where it says."""
    house.drop(ip(5), "content/index", b"0000 /etc/motd\n")
    house.drop(ip(5), "content/0000", b"welcome")
    house.drop(ip(5), "content/0001", b"of nobody")
    files = made(house, tmp_path / "a", "--format", form)
    assert files["openstack/content/0000"] == b"welcome"
    assert "openstack/content/0001" not in files
    [named] = json.loads(files["openstack/latest/meta_data.json"])["files"]
    assert (named["path"], named["content_path"]) == ("/etc/motd", "/content/0000")


@pytest.mark.parametrize("form", ["iso9660", "vfat", "vfat-partition"])
def test_nocloud(form: str, house: House, tmp_path: Path) -> None:
    """issue 5.9: cidata has the seed's four files; there is no empty vendor-data."""
    files = made(house, tmp_path / "a", "--format", form, "--layout", "nocloud")
    assert set(files) == {"meta-data", "user-data", "network-config"}
    assert files["user-data"] == USER_DATA
    assert json.loads(files["meta-data"])["local-hostname"] == "web"


@pytest.mark.parametrize("layout", ["openstack", "nocloud"])
def test_what_http_does_not_speak(layout: str, house: House, tmp_path: Path) -> None:
    """issue 5.9: a drive needs no preset of the network, nor its endpoint."""
    spoken = made(house, tmp_path / "a", "--layout", layout)
    text = N1 + '[metadata]\npresets = ["zstack"]\nendpoint = false\n'
    house.files.settings.write_text(text)
    assert set(made(house, tmp_path / "b", "--layout", layout)) == set(spoken)


@pytest.mark.parametrize("form", ["iso9660", "vfat", "vfat-partition"])
def test_the_same_octets(form: str, house: House, tmp_path: Path) -> None:
    """issue 5.9: for the same documents, and a random seed is in one place alone."""
    house.drop(ip(5), "meta_data.json", b'{"uuid": "i-1"}')
    images = []
    for name in ("a", "b"):
        words = ("config-drive", "n1", ip(5), "-o", tmp_path / name)
        assert house.metalease(*words, "--format", form).code == 0
        images.append((tmp_path / name).read_bytes())
    assert images[0] == images[1]


def test_one_random_seed(house: House, tmp_path: Path) -> None:
    """issue 5.9: a drive has one, in all versions; the next drive has another."""
    seeds = [
        {
            json.loads(octets)["random_seed"]
            for path, octets in made(house, tmp_path / name).items()
            if path.endswith("/meta_data.json")
        }
        for name in ("a", "b")
    ]
    assert [len(each) for each in seeds] == [1, 1]
    assert seeds[0] != seeds[1]


@pytest.mark.parametrize("marker", ["10.0.0.5/.writing", ".writing"])
def test_half_of_the_documents(marker: str, house: House, tmp_path: Path) -> None:
    """issue 5.9, 5.4: no drive is made while somebody writes what is on it."""
    (house.files.metadata / marker).touch()
    words = ("config-drive", "n1", ip(5), "-o", tmp_path / "image")
    said = house.metalease(*words)
    assert (said.code, said.out) == (1, "")
    assert "10.0.0.5: its documents are just being written: try again" in said.err
    assert not (tmp_path / "image").exists()
    (house.files.metadata / marker).unlink()
    assert house.metalease(*words).code == 0


def test_standard_output(house: House, tmp_path: Path) -> None:
    """issue 5.9: -o - is the image, and nothing else."""
    house.drop(ip(5), "meta_data.json", b'{"uuid": "i-1"}')
    said = house.metalease("config-drive", "n1", ip(5), "-o", "-")
    house.metalease("config-drive", "n1", ip(5), "-o", tmp_path / "image")
    assert (said.code, said.err) == (0, "")
    assert said.octets == (tmp_path / "image").read_bytes()
    refused = house.metalease("config-drive", "n1", ip(5), "-o", "-", "--xml")
    assert (refused.code, refused.out) == (1, "")
    assert "--xml: needs a file that it can name" in refused.err


@pytest.mark.parametrize(
    ("form", "device", "bus"),
    [
        ("iso9660", "cdrom", "sata"),
        ("vfat", "disk", "virtio"),
        ("vfat-partition", "disk", "virtio"),
    ],
)
def test_the_device(
    form: str, device: str, bus: str, house: House, tmp_path: Path
) -> None:
    """issue 5.9: --xml is libvirt's <disk>, read-only, with the file's whole name."""
    image = tmp_path / "a & 'b'"
    words = ("config-drive", "n1", ip(5), "-o", image, "--format", form, "--xml")
    disk = ElementTree.fromstring(house.metalease(*words).out)
    assert (disk.tag, disk.get("type"), disk.get("device")) == ("disk", "file", device)
    found = {each.tag: dict(each.attrib) for each in disk}
    assert found["source"] == {"file": str(image)}
    assert found["driver"] == {"name": "qemu", "type": "raw"}
    assert found["target"]["bus"] == bus
    assert "readonly" in found


def test_nobody_else_reads_it(house: House, tmp_path: Path) -> None:
    """issue 5.9: an admin_pass is on it: 0600 from its first octet on, whatever was
    there and whatever the umask; and no other file is left."""
    house.bind(5, admin_pass="secret")
    image = tmp_path / "out" / "image"
    image.parent.mkdir()
    image.write_bytes(b"old")
    image.chmod(0o666)
    before = os.umask(0)
    try:
        said = house.metalease("config-drive", "n1", ip(5), "-o", image)
    finally:
        os.umask(before)
    assert said.code == 0
    assert b"secret" in image.read_bytes()
    assert stat.S_IMODE(image.stat().st_mode) == 0o600
    assert os.listdir(image.parent) == ["image"]


def test_whole_or_not_at_all(house: House, tmp_path: Path) -> None:
    """issue 5.9: nothing is left of what cannot be written; a pipe stays."""
    missing = tmp_path / "missing" / "image"
    said = house.metalease("config-drive", "n1", ip(5), "-o", missing)
    assert (said.code, said.out) == (1, "")
    assert f"{missing}: cannot be written" in said.err
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for each in (tmp_path, pipe):
        said = house.metalease("config-drive", "n1", ip(5), "-o", each)
        assert (said.code, said.out) == (1, "")
        assert f"{each}: is no regular file: give another, or -o -" in said.err
    assert stat.S_ISFIFO(pipe.stat().st_mode)


@pytest.mark.parametrize("form", ["iso9660", "vfat", "vfat-partition"])
def test_too_large(form: str, house: House, tmp_path: Path) -> None:
    """issue 5.9: at most 64 MiB: the error says how much, of what, and the way out."""
    house.drop(ip(5), "user-data", bytes(6 << 20))
    words = ("config-drive", "n1", ip(5), "-o", tmp_path / "image", "--format", form)
    said = house.metalease(*words)
    assert (said.code, said.out) == (1, "")
    assert "config drive of 10.0.0.5: 66.0 MiB do not fit on 64 MiB" in said.err
    assert "user_data smaller (6.0 MiB, in 11 places)" in said.err
    assert "--layout nocloud, which holds it once" in said.err
    assert not (tmp_path / "image").exists()
    assert house.metalease(*words, "--layout", "nocloud").code == 0
    house.drop(ip(5), "user-data", bytes(64 << 20))
    said = house.metalease(*words, "--layout", "nocloud")
    assert said.code == 1
    assert "make user-data smaller (64.0 MiB)\n" in said.err


def test_the_limit_is_of_the_image(house: House, tmp_path: Path) -> None:
    """issue 5.9: 64 MiB with what the format needs: what just fits is an image."""
    house.drop(ip(5), "user-data", bytes((64 << 20) - (80 << 10)))
    words = ("config-drive", "n1", ip(5), "--layout", "nocloud", "-o")
    for form in ("vfat", "vfat-partition"):
        said = house.metalease(*words, tmp_path / "not", "--format", form)
        assert "do not fit on 64 MiB: make user-data" in said.err
    assert house.metalease(*words, tmp_path / "fits").code == 0
    assert (tmp_path / "fits").stat().st_size <= 64 << 20
    house.drop(ip(5), "user-data", bytes((64 << 20) - (20 << 10)))
    assert (
        "do not fit on 64 MiB: make user-data"
        in house.metalease(*words, tmp_path / "not").err
    )


@pytest.mark.parametrize(
    ("who", "said"),
    [
        ("10.0.0.9", "nothing is bound to 10.0.0.9: metalease ls n1"),
        ("web", "IP: 'web' is not an IPv4 address: metalease ls n1"),
    ],
)
def test_nobody(who: str, said: str, house: House, tmp_path: Path) -> None:
    refused = house.metalease("config-drive", "n1", who, "-o", tmp_path / "image")
    assert refused.code == 1
    assert said in refused.err


def test_no_such_network(house: House, tmp_path: Path) -> None:
    refused = house.metalease("config-drive", "n2", ip(5), "-o", tmp_path / "image")
    assert refused.code == 1
    assert "metalease net add n2" in refused.err


@pytest.mark.parametrize(
    ("layout", "url"),
    [
        ("openstack", "/openstack/latest/meta_data.json"),
        ("nocloud", "/nocloud/meta-data"),
    ],
)
def test_rules_that_hide_it(
    layout: str, url: str, house: House, tmp_path: Path
) -> None:
    """issue 5.9: the operator's own rules count; the error says where to look."""
    house.files.rules.write_text(f'url.rewrite-once = ("^{url}$" => "/gone")\n')
    words = ("config-drive", "n1", ip(5), "-o", tmp_path / "image", "--layout", layout)
    said = house.metalease(*words)
    assert said.code == 1
    assert f"metalease explain n1 http 10.0.0.5 GET {url} says why" in said.err


def test_without_mtools(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """issue 5.9: iso9660 needs nothing that Python has not."""
    monkeypatch.setenv("PATH", "/nonexistent")
    words = ("config-drive", "n1", ip(5), "-o", tmp_path / "image")
    assert house.metalease(*words).code == 0
    said = house.metalease(*words, "--format", "vfat")
    assert (said.code, said.out) == (1, "")
    assert "mformat: is not installed: apt-get install mtools" in said.err
