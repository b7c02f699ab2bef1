"""The four dialects, each a preset: what is taken out is 404, and nothing else is."""

import pytest

from appliance.lab.guest import Guest
from appliance.lab.installation import Installation

from .packets import Wire
from .packets import take_address

pytestmark = pytest.mark.machine

ADDRESS = "10.0.0.11"
# what only this dialect serves, however many others are on
PATHS = {
    "ec2": ["/latest/dynamic/", "/2009-04-04/", "/latest/user-data/"],
    "openstack": [
        "/openstack",
        "/openstack/latest/network_data.json",
        "/openstack/latest/vendor_data.json",
        "/openstack/2018-08-27/user_data/",
    ],
    "nocloud": ["/nocloud/meta-data", "/nocloud/user-data/", "/nocloud/vendor-data"],
    "zstack": ["/any/meta-data/instance-id", "/agent-tools-update.sh"],
}
# what a client of it asks first; zstack's rules serve these too, as of any version
USUAL = {
    "ec2": "/latest/meta-data/instance-id",
    "openstack": "/openstack/latest/meta_data.json",
}
THREE = ["ec2", "openstack", "nocloud"]


def enable(installation: Installation, presets: list[str]) -> None:
    """Have the network's file name just *presets*, as an operator writes it."""
    settings = installation.root / "etc/metalease/networks/n1.toml"
    listed = ", ".join(f'"{preset}"' for preset in presets)
    text = f"{settings.read_text()}\n[metadata]\npresets = [{listed}]\n"
    settings.write_text(text)


def codes(wire: Wire, dialect: str) -> set[int]:
    """What the paths of *dialect* are answered."""
    usual = [USUAL[dialect]] if dialect in USUAL else []
    return {wire.get(path)[0] for path in PATHS[dialect] + usual}


def serve(installation: Installation, guest: Guest, presets: list[str]) -> None:
    """Serve a guest that has every document, with just *presets*."""
    enable(installation, presets)
    installation.start("n1")
    named = ("--mac", guest.mac, "--instance-id", "i-1", "--user-data", "-")
    installation.succeed("put", "n1", ADDRESS, *named, stdin=b"data")
    for path in ("vendor-data", "dynamic/x"):
        installation.succeed("file", "put", "n1", ADDRESS, path, stdin=b"x")
    installation.succeed("file", "put", "n1", "shared", "vm-tools.sh", stdin=b"x")
    take_address(guest, ADDRESS, server="10.0.0.2")


@pytest.mark.parametrize("preset", THREE)
def test_a_preset_alone(preset: str, installation: Installation, guest: Guest) -> None:
    """One dialect is enabled: it is served, and every other is 404
    (issue 3, rewrite)."""
    serve(installation, guest, [preset])
    with Wire(guest) as wire:
        for dialect in PATHS:
            wanted = {200} if dialect == preset else {404}
            assert codes(wire, dialect) == wanted, dialect


def test_zstack_alone(installation: Installation, guest: Guest) -> None:
    """ZStack's own tree is served, by which any prefix is a version; the paths that it
    never had are 404 (issue 3, rewrite)."""
    serve(installation, guest, ["zstack"])
    with Wire(guest) as wire:
        assert codes(wire, "zstack") == {200}
        assert {wire.get(path)[0] for path in USUAL.values()} == {200}
        for path in ("/openstack/latest/network_data.json", "/nocloud/vendor-data"):
            assert wire.get(path)[0] == 404


@pytest.mark.parametrize("missing", THREE)
def test_one_is_taken_out(
    missing: str, installation: Installation, guest: Guest
) -> None:
    """All but zstack are enabled, and of these one is taken out: exactly that dialect
    is 404 (issue 3, rewrite)."""
    serve(installation, guest, [each for each in THREE if each != missing])
    with Wire(guest) as wire:
        for dialect in THREE:
            wanted = {404} if dialect == missing else {200}
            assert codes(wire, dialect) == wanted, dialect


def test_zstack_is_taken_out(installation: Installation, guest: Guest) -> None:
    """What only zstack serves is 404 without it, and the others are as ever
    (issue 3, rewrite)."""
    serve(installation, guest, THREE)
    with Wire(guest) as wire:
        assert codes(wire, "zstack") == {404}
        assert {code for each in THREE for code in codes(wire, each)} == {200}


def test_a_missing_preset_is_an_error(installation: Installation) -> None:
    """A preset that is named and not there ends the start, and says which
    (issue 3, rewrite)."""
    enable(installation, ["ec2", "ec3"])
    for words in (["run", "n1"], ["net", "check", "n1"]):
        done = installation.metalease(*words)
        assert done.returncode == 1
        said = done.stderr + done.stdout
        assert "n1.toml" in said
        assert "'ec3'" in said
        assert "Traceback" not in said
