"""A freed address: its documents are gone before it is bound again (issue 5.6)."""

import os
import signal
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import FrameType

import pytest

from httpd.listener import Peer
from tests.appliance.guests import get
from tests.appliance.guests import metadata
from tests.appliance.house import House
from tests.appliance.house import ip
from tests.appliance.house import mac

SECRET, NEW = b"SECRET", b"of the next"
DONE = {0, 3}  # 3: on the disk, and no daemon runs


def furnished(root: Path) -> House:
    """A house in which 10.0.0.5 is bound and has documents."""
    house = House.build(root)
    house.bind(5)
    house.drop(ip(5), "user-data", SECRET)
    house.drop(ip(5), "meta-data/public-keys/0=ops/openssh-key", SECRET)
    return house


def at_each_call(body: Callable[[], object], moment: int) -> int:
    """Run *body* in a child that is killed before its *moment*-th system call.

    Return how many it made: all of them where that is fewer than *moment*.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        seen = 0

        def count(frame: FrameType, event: str, called: object) -> None:
            nonlocal seen
            if event == "c_call" and getattr(called, "__module__", "") == "posix":
                seen += 1
                if seen == moment:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.setprofile(count)
        try:
            body()
        finally:
            sys.setprofile(None)
            os.write(writing, str(seen).encode())
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        told = pipe.read()
    os.waitpid(child, 0)
    return int(told) if told else moment


def bind_next(house: House) -> None:
    """Free the address, wherever that had come to, and bind it to another MAC."""
    if house.file(5).exists():
        refused = house.metalease("put", "n1", ip(5), "--mac", mac(6))
        assert refused.code not in DONE
        assert house.metalease("rm", "n1", mac(5)).code in DONE
    said = house.metalease("put", "n1", ip(5), "--mac", mac(6))
    assert said.code in DONE, said


def served(house: House, url: str) -> object:
    return get(metadata(house), url, Peer(ip(5), mac(6).octets))


@pytest.mark.long
def test_removed_and_killed(tmp_path: Path) -> None:
    """issue 5.6: `rm` killed before any of its system calls leaves nothing that the
    address's next guest is served; until it is over, nobody else gets the address."""
    bind_next(furnished(tmp_path / "imported"))  # no call is an import's
    whole = furnished(tmp_path / "whole")
    calls = at_each_call(lambda: whole.metalease("rm", "n1", mac(5)), 1 << 30)
    assert calls > 10
    for moment in range(1, calls + 1):
        house = furnished(tmp_path / str(moment))
        at_each_call(partial(house.metalease, "rm", "n1", mac(5)), moment)
        bind_next(house)
        assert served(house, "/latest/user-data") == 404, moment
        assert served(house, "/latest/meta-data/public-keys/") in (404, b""), moment
        assert served(house, "/latest/meta-data/mac") == str(mac(6)).encode()


@pytest.mark.long
@pytest.mark.parametrize("document", [True, False])
def test_bound_again_and_killed(document: bool, tmp_path: Path) -> None:
    """issue 5.6: `put` killed before any of its system calls: whenever the binding is
    there, its documents are, and nothing of the guest before it."""
    new = tmp_path / "new"
    new.write_bytes(NEW)
    words = ["put", "n1", ip(5), "--mac", mac(6)]
    words += ["--user-data", new] if document else []
    expected = NEW if document else 404
    bind_next(furnished(tmp_path / "imported"))  # no call is an import's
    first = furnished(tmp_path / "first")
    assert first.metalease("rm", "n1", mac(5)).code in DONE
    calls = at_each_call(lambda: first.metalease(*words), 1 << 30)
    assert calls > 10
    for moment in range(1, calls + 1):
        house = furnished(tmp_path / str(moment))
        assert house.metalease("rm", "n1", mac(5)).code in DONE
        at_each_call(partial(house.metalease, *words), moment)
        if house.file(6).exists():
            assert served(house, "/latest/user-data") == expected, moment
        assert house.metalease(*words).code in DONE
        assert served(house, "/latest/user-data") == expected, moment
