"""A whole host's files, as ZStack writes them, are read without anything being lost."""

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import pytest

from appliance.cli import main
from appliance.commands.sources import ZStackHost
from appliance.migration.plan import LOST
from appliance.migration.plan import NetworkPlan
from appliance.migration.zstack import read_zstack

from .zstack_host import BARE
from .zstack_host import L3
from .zstack_host import NAMED_249
from .zstack_host import PLAIN_249
from .zstack_host import vms_of
from .zstack_host import write_dnsmasq
from .zstack_host import write_host
from .zstack_host import write_web


def plan_of(root: Path, l3: L3, code_249: str) -> NetworkPlan:
    vms = vms_of(l3, 50)
    write_dnsmasq(root, l3, vms, code_249=code_249)
    write_web(root, l3, vms)
    return read_zstack(ZStackHost(str(root)), l3.namespace)


@pytest.mark.parametrize("l3", [L3(), BARE], ids=["told", "bare"])
def test_the_word_of_zstacks_own_dnsmasq_is_249(tmp_path: Path, l3: L3) -> None:
    """issue 6.6: `option:microsoft-249`, which Debian's dnsmasq does not know, says
    what 249 says, so the proof by Debian's holds for ZStack's own."""
    plain = plan_of(tmp_path / "plain", l3, PLAIN_249)
    named = plan_of(tmp_path / "named", l3, NAMED_249)
    assert replace(plain, notes=()) == replace(named, notes=())
    assert len(plain.guests) == 50


@pytest.mark.parametrize("code_249", [PLAIN_249, NAMED_249])
def test_nothing_of_a_host_is_lost(tmp_path: Path, code_249: str) -> None:
    """issue 6.6: what the agent writes, all of it, has a place of ours."""
    plan = plan_of(tmp_path, L3(), code_249)
    assert [each for each in plan.notes if each.kind == LOST] == []


@pytest.mark.parametrize("name", ["$1", "${ip}", "$$", "a$b", "a b", "\u3000"])
def test_a_name_is_no_capture(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    """issue 6.6: a file whose name looks like a rule's $1 is served by it."""
    l3, host, root = L3(), tmp_path / "host", tmp_path / "root"
    vms = vms_of(l3, 1)
    write_dnsmasq(host, l3, vms)
    write_web(host, l3, vms)
    html = host / l3.http.lstrip("/") / "html"
    (html / name).write_text("everyone's")
    (html / vms[0].ip / name).write_text("its own")
    assert main(["--root", str(root), "migrate", "zstack", str(host), "--write"]) == 0
    for path, document in ((name, "shared"), (f"{vms[0].ip}/{name}", "own")):
        words = [l3.uuid, "http", vms[0].ip, "GET", quote(f"/{path}"), "--json"]
        capsys.readouterr()
        assert main(["--root", str(root), "explain", *words]) == 0
        found = json.loads(capsys.readouterr().out)
        assert (found["status"], found["document"]) == (200, document)


@pytest.mark.parametrize(
    ("name", "target"),
    [
        *((b"a\\", None), (b"a\nb", None), (b".hidden", None), (b"\xff", None)),
        *((b"%41", None), (b"a?b", None)),
        *((b"link\xff", b"/x"), (b"to-no-text", b"/\xff"), (b"to-quote", b"/a\\")),
    ],
)
def test_what_no_rule_can_say_is_told_and_left_out(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    name: bytes,
    target: bytes | None,
) -> None:
    """issue 6.6: a name that no URL leads to here is no end of the migration."""
    l3, host, root = L3(), tmp_path / "host", tmp_path / "root"
    write_host(host, l3, vms_of(l3, 2))
    path = os.fsencode(host / l3.http.lstrip("/") / "html") + b"/" + name
    if target is None:
        Path(os.fsdecode(path)).write_text("x")
    else:
        os.symlink(target, path)
    words = ["--root", str(root), "migrate", "zstack", str(host), "--write"]
    assert main([*words, "--json"]) == 0
    notes = json.loads(capsys.readouterr().out)[0]["notes"]
    lost = [each for each in notes if each["kind"] == LOST]
    assert ["not served here" in each["what"] for each in lost] == [True]


@pytest.mark.parametrize("octets", [b"", b"one\ntwo", b"\0"])
def test_an_odd_instance_id_is_no_end(tmp_path: Path, octets: bytes) -> None:
    """issue 6.6: one broken document does not keep a whole network back."""
    l3, host, root = L3(), tmp_path / "host", tmp_path / "root"
    vms = vms_of(l3, 1)
    write_host(host, l3, vms)
    html = host / l3.http.lstrip("/") / "html"
    (html / vms[0].ip / "meta-data/instance-id").write_bytes(octets)
    plan = read_zstack(ZStackHost(str(host)), l3.namespace)
    assert "instance_id" not in plan.guests[0].values
    assert main(["--root", str(root), "migrate", "zstack", str(host), "--write"]) == 0


@pytest.mark.parametrize(
    ("gone", "said"), [("html", "html/ beside it"), ("lighttpd.conf", "its proxies")]
)
def test_half_a_copy_is_said(tmp_path: Path, gone: str, said: str) -> None:
    """issue 6.6: user-data without lighttpd.conf, or that without html/, is told."""
    l3 = L3()
    vms = vms_of(l3, 2)
    write_dnsmasq(tmp_path, l3, vms)
    write_web(tmp_path, l3, vms)
    there = tmp_path / l3.http.lstrip("/") / gone
    shutil.rmtree(there) if there.is_dir() else there.unlink()
    plan = read_zstack(ZStackHost(str(tmp_path)), l3.namespace)
    lost = [each.what for each in plan.notes if each.kind == LOST]
    assert len(lost) == 1
    assert said in lost[0]
