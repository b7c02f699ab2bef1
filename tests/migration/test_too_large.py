"""What is too large to be taken along is left out, and said (issue 6.6)."""

from pathlib import Path

from appliance.commands.sources import ZStackHost
from appliance.migration.plan import LOST
from appliance.migration.plan import SHARED
from appliance.migration.tree import LARGEST
from appliance.migration.tree import Leaf
from appliance.migration.tree import read_tree
from appliance.migration.zstack import read_zstack

from .zstack_host import L3
from .zstack_host import vms_of
from .zstack_host import write_host


def of_size(file: Path, octets: int) -> None:
    with file.open("wb") as opened:
        opened.truncate(octets)


def test_a_file_at_the_limit_is_taken_and_one_past_it_is_not(tmp_path: Path) -> None:
    """issue 6.6: 64 MiB; what is larger is no octets, and its size."""
    of_size(tmp_path / "large", LARGEST + 1)
    of_size(tmp_path / "whole", LARGEST)
    found = {each.path: each for each in ZStackHost(str(tmp_path)).leaves("/")}
    assert found["large"] == Leaf("large", too_large=LARGEST + 1)
    assert len(found["whole"].octets) == LARGEST


def test_a_network_with_a_large_file_is_migrated_without_it(tmp_path: Path) -> None:
    """issue 6.6: the report names the file, its size, the limit, and where to copy it;
    its rule is there already."""
    l3 = L3()
    write_host(tmp_path, l3, vms_of(l3, 1))
    html = tmp_path / l3.http.lstrip("/") / "html"
    of_size(html / "image.iso", LARGEST + 5)
    plan = read_zstack(ZStackHost(str(tmp_path)), l3.namespace)
    (note,) = (each for each in plan.notes if each.kind == LOST)
    assert note.where == "html/image.iso"
    assert f"{LARGEST + 5} octets, and {LARGEST} at most" in note.what
    assert "shared/image.iso in /var/lib/metalease/NET" in note.what
    assert '"/shared/image.iso"' in plan.rules
    assert (SHARED, "image.iso") not in plan.documents


def test_a_guests_own_large_file_has_its_place_and_its_rule() -> None:
    """issue 6.6: below its address, and user_data by the one name that it has here."""
    leaves = [
        Leaf("10.0.0.5/own/image.iso", too_large=LARGEST + 1),
        Leaf("10.0.0.5/user_data", too_large=LARGEST + 1),
    ]
    found = read_tree(leaves, {"10.0.0.5"}, "html")
    assert found.further == ("own/image.iso",)
    assert "metadata/10.0.0.5/own/image.iso in" in found.notes[0].what
    assert "metadata/10.0.0.5/user-data in" in found.notes[1].what
