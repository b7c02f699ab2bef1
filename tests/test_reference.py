"""docs/ says what the program does: made anew, and compared."""

import re
import sys
from pathlib import Path

import pytest
import toml

from appliance.layout import Layout
from appliance.rules import load_rules
from appliance.settings import parse_settings
from tests.reference import FOLDER
from tests.reference import PAGES

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize("name", PAGES)
def test_the_reference_is_what_the_program_says(name: str) -> None:
    """docs/reference is generated: `make reference` makes it, nobody writes it."""
    made, written = PAGES[name](), (FOLDER / name).read_text()
    if sys.version_info < (3, 13):
        assert made == written
    else:  # argparse sets its columns otherwise from then on, and says FILE once
        once = re.sub(r"-(\w) (\w+), (--\w+) \2", r"-\1, \3 \2", written)
        assert made.split() in (once.split(), written.split())


def test_the_reference_holds_nothing_else() -> None:
    assert {path.name for path in FOLDER.iterdir()} == set(PAGES)


def test_the_example_of_all_settings_is_understood(tmp_path: Path) -> None:
    """docs/example.toml names every key with its default, and is a valid network."""
    text = (ROOT / "docs/example.toml").read_text()
    files = Layout(tmp_path).network("example")
    settings = parse_settings(files, toml.loads(text))
    load_rules(settings, files)
    bare = {
        "network": {"subnet": "10.0.0.0/24", "dhcp_address": "10.0.0.2"},
        "attach": {"bridge": "br0"},
    }
    plain = parse_settings(files, bare)
    assert settings.metadata == plain.metadata
    assert settings.limits == plain.limits
    assert settings.network.lease_time == plain.network.lease_time
    assert settings.network.always == plain.network.always
    assert settings.network.mtu == plain.network.mtu


def test_the_readme_has_two_commands() -> None:
    """Two commands do everything on a fresh machine."""
    readme = (ROOT / "README.md").read_text()
    assert "\nmake lab\n" in readme
    assert "\nmake test\n" in readme
