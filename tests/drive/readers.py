"""What others read of an image: 7z, isoinfo and mtools, of which we wrote none."""

import subprocess
from pathlib import Path

FILES = {
    "openstack/latest/meta_data.json": b'{"uuid": "i-1"}',
    "openstack/latest/user_data": bytes(range(256)) * 700,
    "openstack/2018-08-27/meta_data.json": b'{"uuid": "i-1"}',
    "openstack/content/0000": b"",
    "ec2/2009-04-04/meta-data.json": b"{}",
    "top.level-file": b"x",
}


def run(*words: object) -> str:
    done = subprocess.run(
        [str(each) for each in words], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done
    return done.stdout


def unpack(image: Path, folder: Path) -> dict[str, bytes]:
    """Return what 7z takes out of *image*."""
    run("7z", "x", "-y", f"-o{folder}", image)
    return read_tree(folder)


def read_tree(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }
