"""Files are written whole or not at all, for the group of the daemon alone."""

import os
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance import files
from appliance.errors import SettingsError
from appliance.files import delete_left_aside
from appliance.files import locked
from appliance.files import make_directory
from appliance.files import make_state_directory
from appliance.files import remove_file
from appliance.files import remove_tree
from appliance.files import set_aside
from appliance.files import write_file
from appliance.files import write_public_file


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture(params=[0o000, 0o022, 0o077], ids=oct)
def _umask(request: pytest.FixtureRequest) -> Iterator[None]:
    before = os.umask(request.param)
    yield
    os.umask(before)


@pytest.mark.usefixtures("_umask")
def test_modes_and_group(tmp_path: Path) -> None:
    """State is root:metalease 0750/0640, whatever the umask: it holds secrets."""
    path = tmp_path / "a" / "b" / "user-data"
    write_file(path, b"x")
    assert mode(path) == 0o640
    assert mode(path.parent) == mode(path.parent.parent) == 0o750
    if os.geteuid() == 0:
        for each in (path, path.parent, path.parent.parent):
            assert (each.stat().st_uid, each.stat().st_gid) == (
                0,
                files.service_group(),
            )


@pytest.mark.usefixtures("_umask")
def test_the_way_to_the_state_is_open(tmp_path: Path) -> None:
    """The daemon has to pass: only the network's own directory is closed."""
    path = tmp_path / "var" / "lib" / "metalease" / "n1"
    make_state_directory(path)
    assert mode(path) == 0o750
    for each in (path.parent, path.parent.parent, tmp_path / "var"):
        assert mode(each) == 0o755


@pytest.mark.usefixtures("_umask")
def test_settings_are_for_everybody(tmp_path: Path) -> None:
    path = tmp_path / "etc" / "networks" / "n1.toml"
    write_public_file(path, b"x")
    assert (mode(path), mode(path.parent)) == (0o644, 0o755)


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    """A reader who has it open reads the old one to its end."""
    path = tmp_path / "f"
    write_file(path, b"old")
    with path.open("rb") as reader:
        write_file(path, b"new and longer")
        assert reader.read() == b"old"
    assert path.read_bytes() == b"new and longer"
    assert os.listdir(tmp_path) == ["f"]


def test_what_fails_leaves_all_as_it_was(tmp_path: Path) -> None:
    """A write that fails leaves the old file, and no temporary one."""
    (tmp_path / "d" / "inner").mkdir(parents=True)
    with pytest.raises(
        SettingsError,
        match=r"/d: cannot be written \(Is a directory\): what was there is unchanged",
    ):
        write_file(tmp_path / "d", b"x")
    assert os.listdir(tmp_path) == ["d"]
    (tmp_path / "f").write_bytes(b"old")
    with pytest.raises(SettingsError, match=r"/f/g: cannot be written \(Not a direct"):
        write_file(tmp_path / "f" / "g", b"x")
    assert (tmp_path / "f").read_bytes() == b"old"


def test_ctrl_c_leaves_no_temporary_file(tmp_path: Path) -> None:
    """Whatever comes between the write and the rename, the old file stays."""
    write_file(tmp_path / "f", b"old")

    program = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from appliance import files\n"
        "def hook(event, given):\n"
        "    if event == 'os.rename':\n"
        "        signal.raise_signal(signal.SIGINT)\n"
        "sys.addaudithook(hook)\n"
        "files.write_file(Path(sys.argv[1]), b'new')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, tmp_path / "f"], capture_output=True, text=True
    )
    assert "KeyboardInterrupt" in done.stderr
    assert os.listdir(tmp_path) == ["f"]
    assert (tmp_path / "f").read_bytes() == b"old"


def test_a_file_is_on_the_disk_before_it_has_its_name(tmp_path: Path) -> None:
    """The order is write, fsync, rename, fsync of the directory."""
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from appliance import files\n"
        "import os\n"
        "real = os.fsync\n"
        "def fsync(descriptor):\n"
        "    print('fsync', os.readlink(f'/proc/self/fd/{descriptor}'))\n"
        "    real(descriptor)\n"
        "os.fsync = fsync\n"
        "def hook(event, given):\n"
        "    if event == 'os.rename':\n"
        "        print('rename', given[0], given[1])\n"
        "sys.addaudithook(hook)\n"
        "files.write_file(Path(sys.argv[1]), b'new')\n"
    )
    path = tmp_path / "f"
    done = subprocess.run(
        [sys.executable, "-c", program, path], capture_output=True, text=True
    )
    first, second, third = done.stdout.splitlines()
    temporary = first.removeprefix("fsync ")
    assert Path(temporary).parent == tmp_path
    assert second == f"rename {temporary} {path}"
    assert third == f"fsync {tmp_path}"


def test_a_directory_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "f").touch()
    with pytest.raises(SettingsError, match="/f/a: cannot be made: Not a directory"):
        make_directory(tmp_path / "f" / "a")


def test_removing(tmp_path: Path) -> None:
    (tmp_path / "f").touch()
    assert remove_file(tmp_path / "f")
    assert not remove_file(tmp_path / "f")
    with pytest.raises(SettingsError, match="cannot be removed: Is a directory"):
        remove_file(tmp_path)
    (tmp_path / "d" / "e").mkdir(parents=True)
    (tmp_path / "d" / "e" / "f").touch()
    remove_tree(tmp_path / "d")
    remove_tree(tmp_path / "d")
    assert os.listdir(tmp_path) == []


def test_removing_a_link_leaves_what_it_leads_to(tmp_path: Path) -> None:
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "f").touch()
    (tmp_path / "d").symlink_to("theirs")
    remove_tree(tmp_path / "d")
    assert os.listdir(tmp_path) == ["theirs"]
    assert os.listdir(tmp_path / "theirs") == ["f"]


def test_one_writer_at_a_time(tmp_path: Path) -> None:
    """One lock a network: whoever comes second waits for the first."""
    lock = tmp_path / "n1" / "write.lock"
    order: list[str] = []
    inside, waiting = threading.Event(), threading.Event()

    def first() -> None:
        with locked(lock):
            inside.set()
            waiting.wait(10)
            order.append("first")

    def second() -> None:
        inside.wait(10)
        waiting.set()
        with locked(lock):
            order.append("second")

    threads = [threading.Thread(target=each) for each in (first, second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert order == ["first", "second"]
    assert mode(lock) == 0o600


def test_what_a_killed_rm_left_aside_goes_at_the_next_start(tmp_path: Path) -> None:
    """A tree that was taken out of sight is nobody's: the next start deletes it."""
    (tmp_path / "10.0.0.5").mkdir()
    (tmp_path / "10.0.0.5" / "user-data").write_bytes(b"secret")
    (tmp_path / "10.0.0.6").mkdir()
    aside = set_aside(tmp_path / "10.0.0.5")
    assert aside is not None
    assert (aside / "user-data").read_bytes() == b"secret"
    delete_left_aside(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["10.0.0.6"]


def test_a_directory_is_the_daemons_from_the_start(tmp_path: Path) -> None:
    """issue 5.4: who is killed before a directory is the daemon's leaves none by that
    name, which the next `put` would take for good and no guest could be served from."""

    def ended(path: Path, mode: int) -> None:
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(files, "_give", ended)
        with pytest.raises(KeyboardInterrupt):
            make_directory(tmp_path / "new")
    assert list(tmp_path.iterdir()) == []
    make_directory(tmp_path / "new")
    assert mode(tmp_path / "new") == 0o750
