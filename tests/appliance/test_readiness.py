"""Documents that are being written are not served half (issue 5.4)."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from appliance.files import MARKER
from appliance.metadata import Metadata
from appliance.readiness import AGE_AT_MOST
from appliance.readiness import Readiness
from appliance.writing import writing
from httpd.contract import Later
from httpd.messages import Request
from httpd.messages import Response

from .guests import get
from .guests import guests
from .guests import metadata
from .guests import peer
from .house import House
from .house import ip
from .house import mac

ID = "/latest/meta-data/instance-id"


@pytest.fixture
def house(tmp_path: Path) -> House:
    return guests(tmp_path)


def answer(found: Metadata, path: str, waited: float = 0.0) -> object:
    return found.answer(Request("GET", path, path), peer(5), wait=True, waited=waited)


def status(found: Metadata, path: str) -> int:
    response = answer(found, path, 99.0)
    assert isinstance(response, Response)
    return response.status


@pytest.mark.parametrize("owner", [str(ip(5)), "."], ids=["its own", "of all"])
def test_while_it_is_written_it_is_503(house: House, owner: str) -> None:
    """issue 5.4: 503 with Retry-After: 1 while a marker is there for longer than a
    moment, then the document; other guests are served beside a guest's own marker."""
    found = metadata(house)
    marker = house.drop(owner, MARKER, b"")
    assert isinstance(answer(found, ID), Later)
    response = answer(found, ID, 0.5)
    assert isinstance(response, Response)
    assert response.status == 503
    assert ("Retry-After", "1") in response.headers
    request = Request("GET", ID, ID)
    other = found.answer(request, peer(6), wait=True, waited=0.5)
    assert isinstance(other, Response)
    assert other.status == (200 if owner != "." else 503)
    marker.unlink()
    assert isinstance(get(found, ID), bytes)


def test_openstack_is_held(house: House) -> None:
    """issue 5.4, clients C40: cloud-init asks /openstack once, so it waits, 10 s
    at most."""
    found = metadata(house)
    house.drop(ip(5), MARKER, b"")
    for path in ("/openstack", "/openstack/latest/meta_data.json"):
        assert isinstance(answer(found, path), Later)
        assert isinstance(answer(found, path, 9.9), Later)
        assert status(found, path) == 503


def test_absent_is_404_all_the_same(house: House) -> None:
    """404 is only for what really does not exist: nobody is told 404 meanwhile."""
    found = metadata(house)
    house.drop(ip(5), MARKER, b"")
    assert status(found, "/latest/meta-data/absent") == 503
    (house.files.metadata / str(ip(5)) / MARKER).unlink()
    assert status(found, "/latest/meta-data/absent") == 404


def test_a_marker_that_nobody_will_remove(house: House) -> None:
    """issue 5.4: the marker of a process that has gone counts for nothing, nor does an
    old one; it is never listed or served."""
    found = metadata(house)
    with subprocess.Popen([sys.executable, "-c", ""]) as gone:
        gone.wait()
    marker = house.drop(ip(5), MARKER, b"%d\n" % gone.pid)
    assert status(found, ID) == 200
    marker.write_bytes(b"%d\n" % os.getpid())
    assert status(found, ID) == 503
    marker.write_bytes(b"")
    past = marker.stat().st_mtime - AGE_AT_MOST - 1
    os.utime(marker, (past, past))
    assert status(found, ID) == 200
    assert status(found, f"/latest/meta-data/../{MARKER}") == 404


def test_an_answer_from_memory_knows_the_marker(house: House) -> None:
    """issue 5.4: what was proven before holds no longer while the documents are being
    written."""
    house.drop(ip(5), "user-data", b"x")
    old = house.files.metadata / str(ip(5)) / "user-data"
    os.utime(old, (1, 1))
    found = metadata(house)
    request = Request("GET", "/latest/meta-data/mac", "/latest/meta-data/mac")
    response = found.answer(request, peer(5), wait=True, waited=0.0)
    assert isinstance(response, Response)
    assert response.proof is not None
    assert found.holds(peer(5), response.proof)
    marker = house.drop(ip(5), MARKER, b"")
    assert not found.holds(peer(5), response.proof)
    marker.unlink()
    assert found.holds(peer(5), response.proof)


def test_several_documents_change_in_one_step(house: House) -> None:
    """issue 5.4: a reader beside a `put` of several documents sees the old set, the new
    one, or 503: at each step of the way."""
    seen: list[tuple[object, object]] = []
    found = metadata(house)
    house.metalease(
        *("put", "n1", ip(5), "--mac", mac(5), "--hostname", "old"),
        *("--user-data", "-"),
        stdin=b"old",
    )
    watched = os.replace

    def replace(source: str, target: str) -> None:
        look()
        watched(source, target)
        look()

    def look() -> None:
        seen.append((get_now("/latest/user-data"), get_now("/latest/vendor")))

    def get_now(path: str) -> object:
        response = answer(found, path, 99.0)
        assert isinstance(response, Response)
        return response.body if response.status == 200 else response.status

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "replace", replace)
        (house.layout.root / "vendor").write_bytes(b"v")
        house.metalease(
            *("put", "n1", ip(5), "--vendor-data", house.layout.root / "vendor"),
            *("--user-data", "-"),
            stdin=b"new",
        )
    states = {each[0] for each in seen}
    assert states == {503}
    assert get_now("/latest/user-data") == b"new"


def test_no_marker_stays(tmp_path: Path) -> None:
    """issue 5.4: the marker goes however the writing ends; where there is no
    directory, none."""
    with writing(tmp_path):
        assert (tmp_path / MARKER).exists()
    with pytest.raises(ZeroDivisionError), writing(tmp_path):
        raise ZeroDivisionError
    assert not (tmp_path / MARKER).exists()
    with writing(tmp_path / "absent"):
        assert not (tmp_path / "absent").exists()


@pytest.mark.machine
def test_a_marker_that_is_root_s_alone() -> None:
    """issue 5.4: `touch .writing` by root with umask 077 counts too, though the daemon
    cannot read it; for 10 minutes, and not again for one of a clock gone wrong."""
    with tempfile.TemporaryDirectory() as place:
        Path(place).chmod(0o755)
        folder = Path(place, str(ip(5)))
        folder.mkdir(mode=0o755)
        marker = folder / MARKER
        marker.touch(mode=0o600)
        now = marker.stat().st_mtime
        # for one that is not root, as the daemon is
        for at, counts in ((now, True), (now + 601, False), (now - 601, False)):
            child = os.fork()
            if child == 0:
                os.setresuid(65534, 65534, 65534)
                os._exit(Readiness(Path(place)).is_writing(ip(5), at))
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == counts
