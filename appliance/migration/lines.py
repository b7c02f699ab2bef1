"""dnsmasq's configuration as lines: files, directories and what they include."""

from collections.abc import Iterable
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from ..errors import SettingsError

NOTHING = ("", "/dev/null")  # as neutron says that it has no conf-file
SHORT = {"-K": "dhcp-authoritative"}  # as ZStack and others start it
DEPTH_AT_MOST = 10  # files that include each other


class Source(Protocol):
    """Where files are read from; paths are as the configuration says them."""

    def text(self, path: str) -> str | None:
        """Return a file's text, None where there is none."""

    def names(self, folder: str) -> list[str]:
        """Return the paths of the files in *folder*, sorted."""


@dataclass(frozen=True, slots=True)
class Line:
    where: str
    key: str
    value: str


def read_lines(source: Source, files: Iterable[str], depth: int = 0) -> Iterator[Line]:
    """Return every setting of *files*, in dnsmasq's order; raises SettingsError."""
    for file in files:
        if depth > DEPTH_AT_MOST:
            raise SettingsError(file, "is included by itself")
        for where, text in plain_lines(source, file):
            key, _, value = text.partition("=")
            line = Line(where, key.strip(), value.strip())
            if line.key == "conf-file" and line.value in NOTHING:
                continue
            if line.key == "conf-file":
                yield from read_lines(source, [line.value], depth + 1)
            elif line.key == "conf-dir":
                found = _folder(source, line.value)
                yield from read_lines(source, found, depth + 1)
                if not found:
                    yield line
            else:
                yield line


def _folder(source: Source, value: str) -> list[str]:
    """Return the files of a conf-dir: DIR, DIR,.but DIR,*.only (dnsmasq(8))."""
    folder, *ends = (each.strip() for each in value.split(","))
    only = tuple(each[1:] for each in ends if each.startswith("*"))
    never = tuple(each for each in ends if not each.startswith("*"))
    return [
        path
        for path in files_in(source, folder)
        if (not only or path.endswith(only)) and not (never and path.endswith(never))
    ]


def files_in(source: Source, folder: str) -> list[str]:
    """Return the files of a directory but those that dnsmasq passes over.

    They are hidden, or what an editor keeps: file~ and #file# (dnsmasq(8), conf-dir).
    """
    names = {path: path.rpartition("/")[2] for path in source.names(folder)}
    return [
        path
        for path, name in names.items()
        if not (
            name.startswith(".")
            or name.endswith("~")
            or (name.startswith("#") and name.endswith("#"))
        )
    ]


def plain_lines(source: Source, file: str) -> list[tuple[str, str]]:
    """Return (file:line, text) without comments; raises SettingsError.

    /proc/PID/cmdline, or a copy of it, has the settings of a command line, where
    neutron says them all.
    """
    text = source.text(file)
    if text is None:
        raise SettingsError(file, "is not there: copy it along, or take its line out")
    if "\0" in text:
        _, *words = text.rstrip("\0").split("\0")
        return [(file, SHORT.get(each, each.removeprefix("--"))) for each in words]
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        plain = _without_comment(line).strip()
        if plain:
            found.append((f"{file}:{number}", plain))
    return found


def named_lines(source: Source, line: Line) -> list[tuple[str, str]]:
    """Return the lines of what *line* names: a file, or a directory."""
    files = files_in(source, line.value)
    if not files and not line.key.endswith("dir"):
        files = [line.value]
    return [each for file in files for each in plain_lines(source, file)]


def _without_comment(line: str) -> str:
    quoted = False
    for at, letter in enumerate(line):
        if letter == '"':
            quoted = not quoted
        elif letter == "#" and not quoted and (at == 0 or line[at - 1].isspace()):
            return line[:at]
    return line
