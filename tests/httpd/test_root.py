"""The document root: what is below it, nothing beside it, and no old octets."""

import ctypes
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from httpd.messages import FileBody
from httpd.root import SMALL
from httpd.root import DocumentRoot
from httpd.root import File
from httpd.root import FileCache
from httpd.root import Names

from .test_paths import TRICKS
from .test_paths import path_of

SECRET = b"what no guest may read"
INSIDE = b"inside"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A root with files, links of every kind, and a secret beside it."""
    root = tmp_path / "10.0.0.5"
    (root / "meta-data" / "0=ops").mkdir(parents=True)
    (root / "deep").mkdir()
    (tmp_path / "10.0.0.9").mkdir()
    for outside in (tmp_path / "SECRET", tmp_path / "10.0.0.9" / "SECRET"):
        outside.write_bytes(SECRET)
    (root / "user-data").write_bytes(INSIDE)
    (root / "empty").write_bytes(b"")
    (root / "meta-data" / "instance-id").write_bytes(b"i-1")
    (root / "é").write_bytes(b"accent")
    os.mkfifo(root / "fifo")
    with socket.socket(socket.AF_UNIX) as unix:
        unix.bind(str(root / "socket"))
    links = {
        "link-inside": "user-data",
        "link-directory": "meta-data",
        "deep/link-up-inside": "../meta-data/instance-id",
        "link-over": "deep/../user-data",
        "link-outside": "../SECRET",
        "link-absolute": str(tmp_path / "SECRET"),
        "link-absolute-inside": str(root / "user-data"),
        "link-parent": "..",
        "link-chain": "link-outside",
        "link-magic": "/proc/self/root",
        "link-cwd": "/proc/self/cwd",
        "link-loop": "link-loop",
        "link-dangling": "nothing",
        "deep/link-up": "../..",
    }
    for name, target in links.items():
        (root / name).symlink_to(target)
    return root


@pytest.fixture
def documents(tree: Path) -> DocumentRoot:
    return DocumentRoot(tree, FileCache())


def body(found: File | Names | None) -> bytes | None:
    """All octets of what was found; its descriptor is closed."""
    if not isinstance(found, File):
        return None
    if isinstance(found.body, bytes):
        return found.body
    with open(found.body.descriptor, "rb") as file:
        return file.read()


def names(found: File | Names | None) -> tuple[str, ...] | None:
    return found.names if isinstance(found, Names) else None


@pytest.mark.parametrize(
    ("path", "octets"),
    [
        ("/user-data", INSIDE),
        ("user-data", INSIDE),
        ("/user-data/", INSIDE),
        ("/empty", b""),
        ("/meta-data/instance-id", b"i-1"),
        ("/meta-data/instance-id/", b"i-1"),
        ("/é", b"accent"),
        ("/link-inside", INSIDE),
        ("/link-directory/instance-id", b"i-1"),
        ("/deep/link-up-inside", b"i-1"),
        ("/link-over", INSIDE),
        ("/deep/../user-data", INSIDE),
    ],
)
def test_what_is_below_is_found(
    documents: DocumentRoot, path: str, octets: bytes
) -> None:
    """A file below the root is served, with a slash behind it too, and by links that
    stay inside (metadata 1.5, leaf with trailing slash; clients C62, C73)."""
    assert octets == body(documents.find(path, wait=True))


OUTSIDE = [
    *("link-outside", "link-absolute", "link-absolute-inside", "link-parent"),
    *("link-chain", "link-magic", "link-cwd", "link-loop", "link-dangling"),
    *("link-parent/SECRET", "link-magic/etc/passwd", "deep/link-up/SECRET"),
    *("../SECRET", "..", "deep/../../SECRET", "meta-data/../../10.0.0.9/SECRET"),
    *("fifo", "socket", "fifo/", "nothing", "user-data/x", "a\0b", "user-data\0x"),
    *(
        "x" * 256,
        "x/" * 3000,
        "\udcff",
        "\ud800",
        "/".join(["deep/.."] * 500) + "/../x",
    ),
]


@pytest.mark.parametrize("wait", [True, False], ids=["thread", "in line"])
@pytest.mark.parametrize("path", OUTSIDE)
def test_what_leads_out_is_not_there(
    documents: DocumentRoot, path: str, wait: bool
) -> None:
    """No link (absolute, up, magic, in a chain), no ".." and no device, FIFO or socket
    leads out of the root or hangs: all are as absent as a name that was never there
    (issue 3, point 4)."""
    try:
        assert documents.find(path, wait=wait) is None
    except BlockingIOError:
        assert not wait


@pytest.mark.parametrize("trick", TRICKS)
def test_a_trick_reads_nothing_outside(tree: Path, trick: str) -> None:
    """Each trick of the corpus is 400, absent, or a document of the root, whichever
    directory the path is looked for in (metadata 1.5, path hygiene)."""
    path = path_of(trick)
    if path is None:
        return
    for each in (tree, tree / "deep"):
        for left in (path, path.rstrip("/"), path.lstrip("/")):
            found = DocumentRoot(each, FileCache()).find(left, wait=True)
            assert body(found) in (None, INSIDE, b"i-1"), (each, left)
            assert "SECRET" not in (names(found) or ())


def test_a_listing_shows_what_is_served(documents: DocumentRoot, tree: Path) -> None:
    """A directory lists exactly the names that would be found: one that is listed and
    then 404 costs cloud-init its datasource (clients C35)."""
    shown = names(documents.find("/", wait=True))
    assert shown == (
        *("deep/", "empty", "link-directory/", "link-inside", "link-over"),
        *("meta-data/", "user-data", "é"),
    )
    assert names(documents.find("deep", wait=True)) == ("link-up-inside",)
    assert names(documents.find("meta-data/", wait=True)) == ("0=ops/", "instance-id")
    for name in shown:
        assert documents.find(name, wait=True) is not None
    for name in os.listdir(tree):
        assert (documents.find(name, wait=True) is None) is not (
            name in shown or f"{name}/" in shown
        ), name


def test_a_name_that_is_no_utf_8_does_no_harm(
    documents: DocumentRoot, tree: Path
) -> None:
    """A name of any octets is listed as it is, and hurts no other."""
    (tree / "meta-data" / "\udcff").write_bytes(b"x")
    assert names(documents.find("meta-data", wait=True)) == (
        *("0=ops/", "instance-id", "\udcff"),
    )


def test_a_deep_path_is_found(documents: DocumentRoot, tree: Path) -> None:
    """A path of 100 directories is as good as another."""
    deep = tree.joinpath(*["d"] * 100)
    deep.mkdir(parents=True)
    (deep / "leaf").write_bytes(b"here")
    assert body(documents.find("d/" * 100 + "leaf", wait=True)) == b"here"


def test_what_the_daemon_may_not_read_is_absent(tmp_path: Path) -> None:
    """A file or directory that is not the daemon's to read is 404 and not listed, not
    an error (design.md, privilege)."""
    root = tmp_path / "root"
    (root / "closed").mkdir(parents=True)
    for name in ("closed/leaf", "mine", "readable"):
        (root / name).write_bytes(b"x")
    (root / "mine").chmod(0)
    (root / "closed").chmod(0)
    way = [root, *root.parents]
    modes = {each: each.stat().st_mode for each in way}
    documents = DocumentRoot(root, FileCache())
    paths = ("mine", "closed", "closed/leaf", "readable", "")
    try:
        for each in way:
            each.chmod(modes[each] | 0o055)
        found = as_nobody(lambda: [documents.find(each, wait=True) for each in paths])
    finally:
        for each in way:
            each.chmod(modes[each])
    assert [body(each) for each in found[:4]] == [None, None, None, b"x"]
    assert names(found[4]) == ("readable",)


def as_nobody(
    ask: Callable[[], list[File | Names | None]],
) -> list[File | Names | None]:
    """What *ask* returns in a thread that the file system takes for nobody."""
    libc = ctypes.CDLL(None)

    def change() -> list[File | Names | None]:
        libc.setfsgid(65534)
        libc.setfsuid(65534)  # of this thread alone, which ends with this
        return ask()

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(change).result()


def test_a_large_file_is_an_open_file(documents: DocumentRoot, tree: Path) -> None:
    """Up to 64 KiB a file is its octets, beyond it an open descriptor with a length."""
    for size in (SMALL, SMALL + 1, 5_000_000):
        (tree / "large").write_bytes(os.urandom(size))
        found = documents.find("large", wait=True)
        assert isinstance(found, File)
        assert isinstance(found.body, FileBody) is (size > SMALL)
        if isinstance(found.body, FileBody):
            assert found.body.length == size
        assert found.modified == (tree / "large").stat().st_mtime
        assert body(found) == (tree / "large").read_bytes()


def test_renames_elsewhere_do_not_hide_a_file(
    documents: DocumentRoot, tree: Path
) -> None:
    """While files are renamed, a link with ".." in it is found all the same: the kernel
    says "again" when it cannot vouch for a "..", and we ask again."""
    (tree / "a").mkdir()
    renames = "import os; print(flush=True)\n"
    renames += "while True: os.rename('a', 'b'); os.rename('b', 'a')"
    with subprocess.Popen(
        [sys.executable, "-c", renames], cwd=tree, stdout=subprocess.PIPE
    ) as renaming:
        assert renaming.stdout is not None
        try:
            renaming.stdout.readline()
            for _ in range(20_000):
                found = documents.find("deep/link-up-inside", wait=True)
                assert body(found) == b"i-1"
        finally:
            renaming.kill()


def test_a_root_that_is_not_there_is_empty(tmp_path: Path) -> None:
    """An address without a directory has no documents, which is no error."""
    documents = DocumentRoot(tmp_path / "10.0.0.6", FileCache())
    assert documents.find("user-data", wait=True) is None
    (tmp_path / "file").write_bytes(b"")
    assert DocumentRoot(tmp_path / "file", FileCache()).find("", wait=True) is None
