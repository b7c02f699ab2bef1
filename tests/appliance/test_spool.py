"""What guests write back: kept whole, bounded, their own (issue 5.5)."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import wait
from pathlib import Path

import pytest

from appliance.spool import AT_MOST
from appliance.spool import NAMES_AT_MOST
from appliance.spool import ONCE_AT_MOST
from appliance.spool import Leavings
from appliance.spool import Spool
from appliance.spool import Stored
from appliance.spool import alone
from appliance.state import VANISH_AT_MOST
from httpd.messages import Request

from .guests import ask
from .guests import get
from .guests import guests
from .guests import metadata
from .guests import peer
from .guests import post
from .house import House
from .house import ip
from .house import mac

PASSWORD = "/openstack/2013-04-04/password"
TEXT = b"dGhlIHBhc3N3b3Jk"
PROCESS = """
import os
import signal
from ipaddress import IPv4Address
from pathlib import Path

from appliance.spool import Spool
from dhcp.hardware import HardwareAddress

who = IPv4Address("{ip}"), HardwareAddress.parse("{mac}")
{killed}
print(Spool(Path("{folder}")).store(*who, "a", {octets}, once={once}).name)
"""
KILLED = """
def killed(*given, step=os.{step}, **named):
    if not {before}:
        step(*given, **named)
    os.kill(os.getpid(), signal.SIGKILL)


os.{step} = killed
"""


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    (tmp_path / "spool").mkdir()
    return Spool(tmp_path / "spool")


@pytest.fixture
def house(tmp_path: Path) -> House:
    house = guests(tmp_path)
    house.files.spool.mkdir()
    return house


def test_the_first_word_or_the_last(spool: Spool) -> None:
    """issue 5.5: what is kept once stays; else the next one replaces it."""
    who = ip(5), mac(5)
    assert spool.is_empty(ip(5))
    assert spool.store(*who, "a", b"first", once=True) is Stored.DONE
    assert spool.store(*who, "a", b"again", once=True) is Stored.EXISTS
    assert spool.read(*who, "a") == b"first"
    for word in (b"first", b"last"):
        assert spool.store(*who, "b", word, once=False) is Stored.DONE
    assert spool.read(*who, "b") == b"last"
    assert not spool.is_empty(ip(5))


def test_sizes_and_numbers_are_bounded(spool: Spool) -> None:
    """issue 5.5: a password has 1020 octets at most (nova), the rest 16 KiB; a guest
    has so many files; a refusal leaves nothing behind."""
    who = ip(5), mac(5)
    for once, most in ((True, ONCE_AT_MOST), (False, AT_MOST)):
        too_large = spool.store(*who, "large", b"x" * (most + 1), once=once)
        assert too_large is Stored.TOO_LARGE
        assert spool.store(*who, f"fits-{most}", b"x" * most, once=once) is Stored.DONE
    for number in range(NAMES_AT_MOST - 2):
        stored = spool.store(*who, f"n{number}", b"x", once=False)
        assert stored is Stored.DONE
    assert spool.store(*who, "one-more", b"x", once=False) is Stored.FULL
    assert spool.store(*who, "n0", b"y", once=False) is Stored.DONE
    for name in ("../up", ".hidden", "a/b", "", "A"):
        assert spool.store(*who, name, b"x", once=False) is Stored.FULL
        with pytest.raises(FileNotFoundError):
            spool.read(*who, name)


def test_the_next_guest_of_an_address_finds_nothing(
    spool: Spool, tmp_path: Path
) -> None:
    """issue 5.5: what stands at an address is for the MAC that wrote it: another
    neither reads it nor is kept from writing its own, even where nobody has cleared
    up."""
    spool.store(ip(5), mac(5), "password", b"secret", once=True)
    with pytest.raises(FileNotFoundError):
        spool.read(ip(5), mac(6), "password")
    assert spool.store(ip(5), mac(6), "password", b"own", once=True) is Stored.DONE
    assert spool.read(ip(5), mac(6), "password") == b"own"
    with pytest.raises(FileNotFoundError):
        spool.read(ip(5), mac(5), "password")
    assert sorted(os.listdir(tmp_path / "spool")) == [str(ip(5))]


def test_two_ports_at_once(spool: Spool, tmp_path: Path) -> None:
    """issue 5.5: a guest's first words by port 80 and by port 8080 come at once: the
    second waits, and neither is lost."""
    other = Spool(tmp_path / "spool")
    with ThreadPoolExecutor(2) as pool, alone(tmp_path / "spool"):
        stored = [
            pool.submit(each.store, ip(5), mac(5), name, b"x", once=False)
            for each, name in ((spool, "a"), (other, "b"))
        ]
        assert not wait(stored, timeout=0.1).done
    assert [each.result() for each in stored] == [Stored.DONE, Stored.DONE]
    assert spool.read(ip(5), mac(5), "a") == other.read(ip(5), mac(5), "b") == b"x"


@pytest.mark.parametrize("once", [True, False])
@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize(
    "step", ["mkdir", "open", "fsync", "rename", "link", "replace", "unlink"]
)
def test_a_kill_leaves_nothing_in_the_way(
    tmp_path: Path, step: str, *, before: bool, once: bool
) -> None:
    """issue 5.5: a daemon that was killed at any step of a store keeps no guest from
    storing after the restart, and nothing half is read."""
    (tmp_path / "spool").mkdir()

    def store(octets: bytes, killed: str) -> str:
        given = {"ip": ip(5), "mac": mac(5), "folder": tmp_path / "spool"}
        program = PROCESS.format(**given, octets=octets, once=once, killed=killed)
        command = [sys.executable, "-c", program]
        return subprocess.run(
            command, capture_output=True, text=True, check=False
        ).stdout.strip()

    store(b"first", KILLED.format(step=step, before=before))
    spool = Spool(tmp_path / "spool")
    found = spool_read(spool, 5)
    assert found in (None, b"first")
    kept = once and found is not None
    assert store(b"again", "") == ("EXISTS" if kept else "DONE")
    assert spool_read(spool, 5) == (b"first" if kept else b"again")


def spool_read(spool: Spool, number: int) -> bytes | None:
    try:
        return spool.read(ip(number), mac(number), "a")
    except FileNotFoundError:
        return None


def test_files_are_their_owners_alone(spool: Spool, tmp_path: Path) -> None:
    """issue 5.5: nobody but the daemon's user and root reads what a guest wrote."""
    spool.store(ip(5), mac(5), "password", b"secret", once=True)
    folder = tmp_path / "spool" / str(ip(5))
    assert folder.stat().st_mode & 0o777 == 0o700
    assert (folder / "password").stat().st_mode & 0o777 == 0o600


def left(house: House) -> tuple[Leavings, list[str]]:
    """What a daemon knows that starts now, and what it reports."""
    reports: list[str] = []
    state = house.state()
    state.load()
    return Leavings(Spool(house.files.spool), state, reports.append), reports


def write_back(house: House, *numbers: int) -> None:
    spool = Spool(house.files.spool)
    for number in numbers:
        spool.store(ip(number), mac(number), "a", b"x", once=False)


def kept(house: House) -> set[str]:
    return set(os.listdir(house.files.spool))


def test_what_is_left_is_cleared(house: House) -> None:
    """issue 5.5: a freed address is cleared, and one that is another guest's now; one
    that is its writer's again meanwhile is not."""
    write_back(house, 5, 6, 7)
    house.file(5).unlink(missing_ok=True)
    house.file(7).unlink(missing_ok=True)
    house.bind(6)
    house.bind(8, ip=str(ip(7)))
    leavings, reports = left(house)
    for number in (5, 6, 7):
        leavings.note(ip(number))
    leavings.clear()
    assert (kept(house), reports) == ({str(ip(6))}, [])


def test_what_was_freed_while_no_daemon_ran(house: House) -> None:
    """issue 5.5: it goes at the next start, as does what a killed store has left
    beside a word; not so what is of a guest whose file cannot be read."""
    house.bind(5)
    house.bind(7)
    write_back(house, 5, 6, 7, 8)
    house.file(7).write_text("{")
    house.drop("../spool/lost+found", "kept", b"no guest's")
    remains = house.files.spool / str(ip(5)) / ".0123456789abcdef.tmp"
    remains.write_bytes(b"secret")
    house.file(6).unlink(missing_ok=True)
    leavings, reports = left(house)
    leavings.recall()
    leavings.clear()
    assert kept(house) == {str(ip(5)), str(ip(7)), "lost+found"}
    assert reports == []
    assert not remains.exists()
    assert Spool(house.files.spool).read(ip(5), mac(5), "a") == b"x"


def test_many_at_once_stay(house: House) -> None:
    """issue 5.5: bindings that are lost from the disk take no password along: so many
    at once are told, with the way out."""
    numbers = range(100, 100 + VANISH_AT_MOST + 1)
    write_back(house, *numbers)
    leavings, reports = left(house)
    leavings.recall()
    leavings.clear()
    assert len(kept(house)) == len(numbers)
    (said,) = reports
    assert said.startswith("21 of 21 guests that wrote back are bound no more")
    assert "metalease spool NET --clear" in said
    for number in numbers[:-1]:
        house.bind(number)
    leavings, reports = left(house)
    leavings.recall()
    leavings.clear()
    assert (len(kept(house)), reports) == (VANISH_AT_MOST, [])


def test_a_password_is_posted_once(house: House) -> None:
    """issue 5.5, metadata U9, clients C54, C55: an empty GET, POST 200, GET the text,
    then 409; more than 1020 octets are 400; only the guest itself reads it."""
    found = metadata(house)
    assert get(found, PASSWORD) == b""
    assert post(found, PASSWORD, b"x" * 1021).status == 400
    assert post(found, PASSWORD, TEXT).status == 200
    assert get(found, PASSWORD) == TEXT
    assert get(found, "/openstack/latest/password") == TEXT
    assert post(found, PASSWORD, b"other").status == 409
    assert get(found, PASSWORD) == TEXT
    assert get(found, PASSWORD, peer(6)) == b""


def test_an_empty_password_is_no_word(house: House) -> None:
    """issue 5.5, clients C54, C55: GET says that it is unset, so the next POST is
    taken."""
    found = metadata(house)
    assert post(found, PASSWORD, b"").status == 200
    assert post(found, PASSWORD, TEXT).status == 200
    assert get(found, PASSWORD) == TEXT


def test_a_dropped_password_wins(house: House) -> None:
    """issue 5.5: a dropped file is before what the guest wrote."""
    found = metadata(house)
    post(found, PASSWORD, TEXT)
    house.drop(ip(5), "password", b"the operator's")
    assert get(found, PASSWORD) == b"the operator's"


def test_phone_home(house: House) -> None:
    """The last word of phone_home is kept as it came."""
    found = metadata(house)
    for body in (b"a=1&b=2", b"pub_key_rsa=ssh-rsa+AAAA&hostname=db-1"):
        assert post(found, "/phone-home", body).status == 200
    spool = Spool(house.files.spool)
    assert spool.read(ip(5), mac(5), "phone-home") == body


def test_a_post_elsewhere_is_refused(house: House) -> None:
    """metadata U9: 405 with Allow: GET, HEAD where no rule takes it, and for one whom
    nobody knows 404."""
    found = metadata(house)
    for path in ("/latest/user-data", "/openstack/latest/meta_data.json", "/"):
        response = post(found, path, b"x")
        assert response.status == 405
        assert ("Allow", "GET, HEAD") in response.headers
    assert post(found, PASSWORD, TEXT, number=99).status == 404
    assert os.listdir(house.files.spool) == []


def test_what_is_taken_is_said_to_who_asks_otherwise(house: House) -> None:
    """metadata U9, RFC 9110 15.5.6: the 405 to a PUT names POST where it is taken."""
    found = metadata(house)
    response = ask(found, Request("PUT", PASSWORD, PASSWORD, body=TEXT), peer(5))
    assert response is not None
    assert response.status == 405
    assert ("Allow", "GET, HEAD, POST") in response.headers


def test_zstack_keeps_the_password_too(house: House) -> None:
    """metadata, section 2: where lighttpd took the POST and lost it, it is kept."""
    found = metadata(house, '[metadata]\npresets = ["zstack"]\n')
    assert post(found, "/openstack/latest/password", TEXT).status == 200
    assert get(found, "/latest/password") == TEXT


def test_tokens_gate_the_post(house: House) -> None:
    """metadata U4: with tokens = "required" a POST needs one, too."""
    found = metadata(house, '[metadata]\ntokens = "required"\n')
    assert post(found, PASSWORD, TEXT).status == 401
    assert os.listdir(house.files.spool) == []


def test_rm_and_a_move_take_it_along(house: House) -> None:
    """issue 5.5: a freed address keeps nothing: neither after `rm`, nor after a move
    by `put`."""
    found = metadata(house)
    for number in (5, 6):
        post(found, PASSWORD, TEXT, number)
    house.metalease("rm", "n1", ip(5))
    house.metalease("put", "n1", ip(66), "--mac", mac(6))
    assert os.listdir(house.files.spool) == []
