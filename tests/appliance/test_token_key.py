"""own/token.key: made once, kept over restarts, and never in the way of serving."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from appliance.layout import Layout
from appliance.layout import NetworkLayout
from appliance.token_key import look_at_gate
from appliance.token_key import open_gate
from httpd.gate import Gate
from httpd.tokens import KEY_OCTETS
from httpd.tokens import NONCE_OCTETS

GUEST = bytes([10, 0, 0, 5])


@pytest.fixture
def files(tmp_path: Path) -> NetworkLayout:
    files = Layout(tmp_path).network("n1")
    files.own.mkdir(parents=True)
    return files


def issue(gate: Gate) -> str:
    return gate.authority.issue(GUEST, 60, 0.0, gate.nonce())


def holds(token: str, gate: Gate) -> bool:
    return gate.authority.verify(token, GUEST, 1.0)


def test_a_key_is_made_and_kept(files: NetworkLayout) -> None:
    """metadata U15, 1.3: 32 octets, for its owner alone, whatever the umask, and the
    same after a restart; nothing else is left beside it."""
    before = os.umask(0)
    try:
        first = open_gate(files, pytest.fail)
    finally:
        os.umask(before)
    key = files.token_key.read_bytes()
    assert len(key) == KEY_OCTETS
    assert files.token_key.stat().st_mode & 0o7777 == 0o600
    assert os.listdir(files.own) == ["token.key"]
    again = open_gate(files, pytest.fail)
    assert holds(issue(first), again)
    assert files.token_key.read_bytes() == key


def test_another_network_has_another(files: NetworkLayout, tmp_path: Path) -> None:
    """metadata U13: and were the key copied, the token would not hold there."""
    other = Layout(tmp_path).network("n2")
    other.own.mkdir(parents=True)
    token = issue(open_gate(files, pytest.fail))
    assert not holds(token, open_gate(other, pytest.fail))
    assert other.token_key.read_bytes() != files.token_key.read_bytes()
    other.token_key.write_bytes(files.token_key.read_bytes())
    assert not holds(token, open_gate(other, pytest.fail))


def test_a_token_ends_with_the_machine(
    files: NetworkLayout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """metadata U14: the clock begins anew at a boot, so none from before may hold."""
    token = issue(open_gate(files, pytest.fail))
    boot_id = tmp_path / "boot_id"
    boot_id.write_text("another boot")
    monkeypatch.setattr("appliance.token_key.BOOT_ID", boot_id)
    assert not holds(token, open_gate(files, pytest.fail))


@pytest.mark.parametrize("octets", [b"", b"short", bytes(KEY_OCTETS + 1)])
def test_a_bad_key_is_replaced(files: NetworkLayout, octets: bytes) -> None:
    """It is told, and the new one is kept."""
    files.token_key.write_bytes(octets)
    told: list[str] = []
    gate = open_gate(files, told.append)
    what = f"{files.token_key} holds {len(octets)} octets, not 32: a new key is made"
    assert told == [what]
    assert holds(issue(gate), open_gate(files, pytest.fail))
    assert files.token_key.stat().st_mode & 0o7777 == 0o600


def test_a_key_that_cannot_be_read_stays(files: NetworkLayout) -> None:
    """Tokens are issued all the same; they end with the daemon, and that is told."""
    files.token_key.mkdir()
    told: list[str] = []
    gate = open_gate(files, told.append)
    (what,) = told
    assert what.startswith(f"{files.token_key} cannot be read (")
    assert what.endswith("): tokens end with us")
    assert holds(issue(gate), gate)
    assert files.token_key.is_dir()


def test_a_key_that_cannot_be_kept(files: NetworkLayout) -> None:
    files.own.rmdir()
    told: list[str] = []
    gate = open_gate(files, told.append)
    (what,) = told
    assert what.startswith(f"{files.token_key} cannot be written (")
    assert holds(issue(gate), gate)
    assert not holds(issue(gate), open_gate(files, lambda what: None))


def test_a_link_is_not_followed(files: NetworkLayout, tmp_path: Path) -> None:
    """What stands where the temporary file goes is not written through."""
    victim = tmp_path / "victim"
    victim.write_text("before")
    (files.own / f".token.key.{os.getpid()}").symlink_to(victim)
    open_gate(files, lambda what: None)
    assert victim.read_text() == "before"


def test_a_look_changes_nothing(files: NetworkLayout) -> None:
    """For explain: the same key, none made, and without one no token holds."""
    token = issue(open_gate(files, pytest.fail))
    assert holds(token, look_at_gate(files))
    files.token_key.unlink()
    assert not holds(token, look_at_gate(files))
    assert os.listdir(files.own) == []
    files.token_key.write_bytes(b"short")
    assert not holds(token, look_at_gate(files))
    assert files.token_key.read_bytes() == b"short"


def test_nonces_differ(files: NetworkLayout) -> None:
    """metadata 1.3: two tokens of one guest and one moment are two."""
    gate = open_gate(files, pytest.fail)
    assert len(gate.nonce()) == NONCE_OCTETS
    assert issue(gate) != issue(gate)


MANY = """
import sys
from pathlib import Path
from appliance.layout import Layout
from appliance.token_key import clock, open_gate
from httpd.gate import Terms
from httpd.messages import parse_head
gate = open_gate(Layout(Path(sys.argv[1])).network("n1"), print)
put = (b"PUT /latest/api/token HTTP/1.1\\r\\nHost: x\\r\\n"
       b"X-aws-ec2-metadata-token-ttl-seconds: 21600")
def issue(number):
    for each in range(number):
        request, _ = parse_head(put)
        assert gate.check(request, b"1234", Terms(), clock()).status == 200
def resident():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(x.split()[1]) for x in lines if x.startswith("VmRSS:"))
issue(100)
before = resident()
issue(10_000)
print(resident() - before)
"""


def test_tokens_take_no_memory(files: NetworkLayout) -> None:
    """metadata 1.6: 10,000 tokens do not grow the process: fewer octets than they
    have themselves (560 kB)."""
    root = files.layout.root
    words = [sys.executable, "-c", MANY, str(root)]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    assert int(done.stdout) < 500, done  # KiB
