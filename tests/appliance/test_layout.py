"""Where everything is: one value answers, and no name leads out of it."""

from pathlib import Path

import pytest

from appliance.errors import SettingsError
from appliance.layout import Layout

FILES = {
    "settings": "etc/metalease/networks/n1.toml",
    "rules": "etc/metalease/networks/n1.rules",
    "bindings": "var/lib/metalease/n1/bindings",
    "metadata": "var/lib/metalease/n1/metadata",
    "default": "var/lib/metalease/n1/metadata/default",
    "shared": "var/lib/metalease/n1/shared",
    "lock": "var/lib/metalease/n1/write.lock",
    "control_socket": "run/metalease/n1/control.sock",
    "parent_socket": "run/metalease/n1/host.sock",
    "daemon_lock": "run/metalease/n1/daemon.lock",
    "netns": "run/metalease/netns/n1",
}


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("root", ["/", "/tmp/deep/root"])
def test_paths(name: str, root: str) -> None:
    """docs/design.md, "On disk": --root puts all of it below a directory."""
    files = Layout(Path(root)).network("n1")
    assert getattr(files, name) == Path(root) / FILES[name]


def test_the_doorbell_of_the_host_is_one() -> None:
    assert Layout().host_socket == Path("/run/metalease/host.sock")


@pytest.mark.parametrize("name", ["a", "0", "net-1_b", "x" * 32])
def test_names(name: str) -> None:
    """A network's name matches [a-z0-9][a-z0-9_-]{0,31}."""
    assert Layout().network(name).name == name


@pytest.mark.parametrize(
    "name", ["", "N1", "-a", "_a", ".", "..", "a/b", "a b", "a\n", "é", "x" * 33]
)
def test_bad_names(name: str) -> None:
    """Whatever else is refused before a path is made of it, and is shown."""
    with pytest.raises(SettingsError, match="a network's name is 1 to 32 of") as raised:
        Layout().network(name)
    assert repr(name) in str(raised.value)


def test_networks_are_the_files_with_such_a_name(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    assert layout.network_names() == []
    layout.networks.mkdir(parents=True)
    for name in ("b.toml", "a.toml", "B.toml", "a.rules", ".c.toml", "c.toml~"):
        (layout.networks / name).touch()
    assert layout.network_names() == ["a", "b"]
