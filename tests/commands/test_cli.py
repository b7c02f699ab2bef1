"""The command line as a whole: words, exit codes, and what the world does to it."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.cli import COMMANDS
from tests.appliance.house import House
from tests.appliance.house import ip
from tests.appliance.house import mac

METALEASE = (sys.executable, "-m", "appliance.cli")
PROJECT = Path(__file__).parents[2]
# as one who is not root, though only root may read this Python
AS_NOBODY = """
import os, sys, difflib, toml
from appliance import hosted, metadata
from appliance.cli import main
from appliance.commands import bindings, explain, file, net, put
os.setgroups([])
os.setgid(65_533)
os.setuid(65_534)
sys.exit(main())
"""


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House.build(tmp_path)


@pytest.mark.parametrize("word", COMMANDS)
def test_every_word_says_what_it_does(house: House, word: str) -> None:
    said = house.metalease(word, "--help")
    assert (said.code, said.err) == (0, "")
    assert said.out.startswith(f"usage: metalease {word}")


@pytest.mark.parametrize("words", [(), ("nonsense",), ("net",), ("net", "x"), ("ls",)])
def test_wrong_usage(house: House, words: tuple[str, ...]) -> None:
    """Exit code 2."""
    said = house.metalease(*words)
    assert (said.code, said.out) == (2, "")
    assert said.err.startswith("usage: metalease")


@pytest.mark.parametrize("listen", ["x", "127.0.0.1", ":x", "127.0.0.1:65536", ":-1"])
def test_where_the_exporter_listens(house: House, listen: str) -> None:
    said = house.metalease("exporter", f"--listen={listen}")
    assert said.code == 1
    assert said.err == f"metalease: --listen: {listen!r} is not ADDRESS:PORT\n"


def run(*words: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*METALEASE, *map(str, words)],
        capture_output=True,
        text=True,
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(PROJECT)},
    )


@pytest.mark.parametrize("name", ["lab", "put", "ls"])
def test_a_root_that_is_named_like_a_word(tmp_path: Path, name: str) -> None:
    """What comes after --root is a directory, whatever its name."""
    House.build(tmp_path / name)
    done = run("--root", name, "put", "n1", ip(5), "--mac", mac(5), cwd=tmp_path)
    assert done.returncode == 3
    done = run(f"--root={name}", "ls", "n1", "--json", cwd=tmp_path)
    assert '"10.0.0.5"' in done.stdout


@pytest.fixture
def open_house() -> Iterator[House]:
    """A house below a directory that everybody may pass."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        house = House.build(Path(folder))
        house.metalease("put", "n1", ip(5), "--mac", mac(5))
        os.chmod(house.files.bindings, 0o750)
        yield house


@pytest.mark.machine
@pytest.mark.parametrize(
    "words",
    [
        ("ls", "n1"),
        ("show", "n1", "10.0.0.5"),
        ("put", "n1", "10.0.0.6", "--mac", "fa:16:3e:00:00:06"),
        ("rm", "n1", "10.0.0.5"),
        ("file", "put", "n1", "10.0.0.5", "user-data"),
        ("net", "rm", "n1", "--force"),
        ("explain", "n1", "dhcp", "fa:16:3e:00:00:05"),
    ],
)
def test_who_is_not_root_is_told_so(open_house: House, words: tuple[str, ...]) -> None:
    """One line that names the file, exit code 1, and nothing changed."""
    before = sorted(open_house.layout.root.rglob("*"))
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            AS_NOBODY,
            "--root",
            str(open_house.layout.root),
            *words,
        ],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.count("\n") == 1, done.stderr
    assert done.stderr.startswith(f"metalease: {open_house.layout.root}/")
    assert "Permission denied" in done.stderr
    assert sorted(open_house.layout.root.rglob("*")) == before


def test_ctrl_c(house: House) -> None:
    """130, not a word, nothing written: whoever interrupts knows that he did."""
    pipe = house.layout.root / "pipe"
    os.mkfifo(pipe)
    putting = subprocess.Popen(
        [
            *(*METALEASE, "--root", str(house.layout.root), "put", "n1", str(ip(5))),
            *("--mac", str(mac(5)), "--user-data", str(pipe)),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    with pipe.open("wb"):  # it has opened the other end now, and reads
        putting.send_signal(signal.SIGINT)
        out, err = putting.communicate(timeout=20)
    assert (putting.returncode, out, err) == (130, b"", b"")
    assert os.listdir(house.files.bindings) == []


def test_a_full_disk(house: House) -> None:
    """/dev/full stands for it: one line, exit code 1."""
    house.bind(5)
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [*METALEASE, "--root", str(house.layout.root), "ls", "n1"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
        )
    assert done.returncode != 0
    assert "No space left on device" in done.stderr
    assert "Traceback" not in done.stderr


def test_every_change_has_an_outcome_in_json(house: House) -> None:
    """--json: a change tells how it went, refused or not, and the line stays."""
    binding = ("n1", "10.0.0.5", "--mac", "fa:16:3e:00:00:05")
    written = house.metalease("put", *binding, "--json")
    assert written.code == 3
    outcome = json.loads(written.out)
    assert (outcome["ok"], outcome["exit_code"]) == (False, 3)
    assert written.err == f"metalease: {outcome['error']}\n"
    document = ("n1", "default", "user-data")
    assert json.loads(house.metalease("file", "put", *document, "--json").out)
    found = json.loads(house.metalease("file", "get", *document, "--json").out)
    assert found == {"path": "user-data", "octets": 0, "base64": ""}
    for words in (
        ("file", "rm", *document),
        ("net", "add", "n2", "--subnet", "10.2.0.0/24", "--dhcp-address", "10.2.0.2"),
        ("rm", "n1", "10.0.0.99"),
        ("accept", "n1"),
        ("net", "rm", "n1"),
    ):
        said = house.metalease(*words, "--json")
        assert json.loads(said.out)["ok"] is (said.code == 0)


@pytest.mark.parametrize("option", ["--host", "--hostnam", "--user"])
def test_an_option_is_written_out(house: House, option: str) -> None:
    """--host is not --hostname: half an option is wrong usage, not a guess."""
    words = ("put", "n1", "10.0.0.5", "--mac", "fa:16:3e:00:00:05", option, "hv17")
    assert house.metalease(*words).code == 2
