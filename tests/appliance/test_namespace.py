"""Namespaces: made, named twice, entered, removed (host H2, H3, H4, H5)."""

import os
from pathlib import Path

import pytest

from appliance import namespace
from appliance.attachment import Bridged
from appliance.errors import SettingsError
from tests.appliance.plumbing import in_machine
from tests.appliance.plumbing import js
from tests.appliance.plumbing import killed
from tests.appliance.plumbing import sh

WHERE = Bridged("br0", "br0_n1", Path("/run/metalease/netns/n1"))
FIRST = namespace.path("br0_n1")


def here() -> int:
    return os.stat("/proc/thread-self/ns/net").st_ino


def both() -> bool:
    namespace.make(WHERE)
    namespace.name_again(WHERE)
    return namespace.missing(WHERE) == namespace.not_named_again(WHERE) == []


def named() -> list[str]:
    """Return the mounts that name a namespace, each as often as it is there."""
    mounts = Path("/proc/self/mounts").read_text().splitlines()
    return sorted(each for each in mounts if each.startswith("nsfs "))


class TestMake:
    @in_machine
    def test_two_names(self) -> None:
        """`ip netns` knows it by the first, a unit by the second (H4)."""
        home = here()
        assert both()
        assert [x["name"] for x in js("ip -j netns list")] == ["br0_n1"]
        assert namespace.same(FIRST, WHERE.netns)
        assert home == here() != FIRST.stat().st_ino

    @in_machine
    def test_plain_files(self) -> None:
        """A kill between open and mount leaves plain files: we mount on them (H3)."""
        for name in (FIRST, WHERE.netns):
            name.parent.mkdir(parents=True)
            name.touch()
            assert not namespace.exists(name)
        assert both()

    @in_machine
    def test_something_else_is_mounted(self) -> None:
        """A name that is another thing's, a process namespace's, is taken from it."""
        FIRST.parent.mkdir()
        FIRST.touch()
        sh(f"mount --bind /proc/self/ns/uts {FIRST}")
        assert not namespace.exists(FIRST)
        assert both()

    @in_machine
    def test_either_name_from_the_other(self) -> None:
        """The namespace outlives one of its names, and gets it back (H4)."""
        both()
        was = FIRST.stat().st_ino
        sh("ip netns del br0_n1")
        assert namespace.missing(WHERE)
        assert both()
        sh(f"umount {WHERE.netns}")
        assert namespace.not_named_again(WHERE)
        assert both()
        assert was == FIRST.stat().st_ino == WHERE.netns.stat().st_ino

    @in_machine
    def test_the_second_name_is_right(self) -> None:
        """Where the names differ, ours is right: the daemon lives there."""
        both()
        was = WHERE.netns.stat().st_ino
        sh("ip netns del br0_n1 && ip netns add br0_n1")
        assert namespace.missing(WHERE)
        assert both()
        assert was == FIRST.stat().st_ino

    @in_machine
    def test_mounts_do_not_pile_up(self) -> None:
        """However often names are lost and made, each is one mount (H3, H4)."""
        both()
        before = Path("/proc/self/mounts").read_text().splitlines()
        for _ in range(20):
            sh("ip netns del br0_n1")
            both()
        after = Path("/proc/self/mounts").read_text().splitlines()
        assert sorted(before) == sorted(after)

    @in_machine
    def test_ip_netns_afterwards(self) -> None:
        """`ip netns add` of others mounts nothing over ours: /run/netns is shared."""
        before = named()  # of whose machine this is
        both()
        assert len(named()) > len(before)
        sh("ip netns add other && ip netns del other")
        namespace.delete(WHERE)
        assert named() == before


class TestDelete:
    @in_machine
    def test_both_paths(self) -> None:
        """Both names go, also half-made ones, and twice as once (H4)."""
        both()
        namespace.delete(WHERE)
        assert not FIRST.exists()
        assert not WHERE.netns.exists()
        namespace.delete(WHERE)
        FIRST.touch()
        WHERE.netns.touch()
        namespace.delete(WHERE)
        assert not FIRST.exists()
        assert not WHERE.netns.exists()


class TestEntered:
    @in_machine
    def test_there_and_back(self) -> None:
        """The thread is inside for the block, and back after it, also by an error."""
        both()
        home = here()
        with namespace.entered(FIRST):
            assert here() == FIRST.stat().st_ino
        assert home == here()
        with pytest.raises(ZeroDivisionError), namespace.entered(FIRST):
            raise ZeroDivisionError
        assert home == here()

    @in_machine
    def test_no_descriptor_is_left(self) -> None:
        """Entering a thousand times holds nothing."""
        both()
        before = len(os.listdir("/proc/self/fd"))
        for _ in range(1000):
            with namespace.entered(FIRST):
                pass
        assert before == len(os.listdir("/proc/self/fd"))

    @in_machine
    def test_missing(self) -> None:
        """A name that is not there is an error that says so, and is not made (H3)."""
        with pytest.raises(SettingsError, match="there is none: `up` makes it"):
            namespace.entered(FIRST).__enter__()
        assert not FIRST.exists()

    @in_machine
    def test_plain_file(self) -> None:
        """A half-made name is an error that says so."""
        FIRST.parent.mkdir()
        FIRST.touch()
        with pytest.raises(SettingsError, match="is a plain file: `up` repairs it"):
            namespace.entered(FIRST).__enter__()

    @in_machine
    def test_not_root(self) -> None:
        """Only root may enter."""
        both()

        def unprivileged() -> None:
            os.setresuid(65534, 65534, 65534)
            with pytest.raises(SettingsError, match="run as root"):
                namespace.entered(FIRST).__enter__()

        killed(unprivileged)


class TestNumber:
    @in_machine
    def test_given_once(self) -> None:
        """A namespace has one number, and a number one namespace (H2)."""
        both()
        sh("ip netns add other")
        assert namespace.nsid(FIRST) is None
        assert namespace.set_nsid(FIRST, 3)
        assert not namespace.set_nsid(FIRST, 4)
        assert not namespace.set_nsid(namespace.path("other"), 3)
        assert namespace.nsid(FIRST) == 3
        assert namespace.numbers() == {3}
