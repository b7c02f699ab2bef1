"""`metalease config-drive`: a guest's documents as a disk image.

The same documents as over HTTP, by the same rules: what the operator dropped wins.
"""

import argparse
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from dataclasses import field
from dataclasses import replace
from ipaddress import IPv4Address
from pathlib import Path

from httpd.messages import FileBody
from httpd.messages import Request

from ..directory import SUFFIX
from ..directory import StateDirectory
from ..drive.crawl import LAYOUTS
from ..drive.crawl import Drive
from ..drive.device import CDROM
from ..drive.device import DISK
from ..drive.device import describe_device
from ..drive.iso import make_iso
from ..drive.vfat import make_disk
from ..drive.vfat import make_partitioned
from ..errors import SettingsError
from ..files import write_private_file
from ..layout import Layout
from ..layout import NetworkLayout
from ..metadata import Metadata
from ..readiness import Readiness
from ..records import Record
from ..rules import load_rules
from ..settings import Settings
from ..settings import load_settings
from ..state import State
from ..token_key import look_at_gate
from .bindings import find
from .screen import print_octets

MIB = 1 << 20
LARGE = 64 * MIB  # octets of an image at most, as nova's are


@dataclass(frozen=True, slots=True)
class Format:
    """A way to write a drive, and the device that reads it."""

    make: Callable[[Drive], bytes | None]
    """Return the image; None where the files have no room on the largest disk."""
    device: tuple[str, str, str]


FORMATS = {
    "iso9660": Format(make_iso, CDROM),
    "vfat": Format(make_disk, DISK),
    "vfat-partition": Format(make_partitioned, DISK),
}


def describe(word: str, parser: argparse.ArgumentParser) -> None:
    parser.add_argument("network", metavar="NET")
    parser.add_argument("ip", metavar="IP")
    parser.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        required=True,
        help="the image; - is standard output",
    )
    parser.add_argument(
        "--format",
        choices=FORMATS,
        default="iso9660",
        help="a CD-ROM, a disk, or a disk with a partition (default: iso9660)",
    )
    parser.add_argument(
        "--layout",
        choices=LAYOUTS,
        default="openstack",
        help="label config-2 for cloud-init and cloudbase-init, or cidata for"
        " cloud-init's NoCloud (default: openstack)",
    )
    parser.add_argument(
        "--xml", action="store_true", help="print the device for libvirt's domain"
    )
    parser.set_defaults(act=config_drive)


def config_drive(options: argparse.Namespace, layout: Layout) -> int:
    """Write the drive of one guest, whole or not at all."""
    output = None if options.output == "-" else Path(options.output).absolute()
    if output is None and sys.stdout is not None and sys.stdout.isatty():
        raise SettingsError("-o -", "is a terminal: give a file, or a pipe")
    if output is None and options.xml:
        raise SettingsError("--xml", "needs a file that it can name: -o FILE")
    if output is not None and output.exists() and not output.is_file():
        raise SettingsError(output, "is no regular file: give another, or -o -")
    files = layout.network(options.network)
    drive = _read(files, options.ip, options.layout)
    written = FORMATS[options.format]
    size = sum(map(len, drive.files.values()))
    if size > LARGE:
        raise _too_large(drive, options, size)
    image = written.make(drive)
    if image is None or len(image) > LARGE:
        raise _too_large(drive, options, size)
    if output is None:
        print_octets(image)
        return 0
    write_private_file(output, image)
    if options.xml:
        print(describe_device(output, written.device), end="")
    return 0


def _read(files: NetworkLayout, ip: str, name: str) -> Drive:
    settings = load_settings(files)
    how = LAYOUTS[name]
    # the network may speak none of them over HTTP, or others that take all paths
    presets = dict.fromkeys((*how.presets, *settings.metadata.presets))
    settings = replace(
        settings, metadata=replace(settings.metadata, presets=tuple(presets))
    )
    reader = Reader(
        Metadata(
            settings,
            load_rules(settings, files),
            State(StateDirectory(files.bindings), settings),
            files,
            look_at_gate(files),
        ),
        Readiness(files.metadata),
        _record(files, settings, ip),
    )
    drive = Drive(how.label, how.read(reader.fetch))
    if how.required not in drive.files:
        url = f"/{how.required}" if name == "openstack" else f"/nocloud/{how.required}"
        raise SettingsError(
            f"config drive of {ip}",
            f"{how.required} is not there:"
            f" metalease explain {files.name} http {ip} GET {url} says why",
        )
    return drive


def _record(files: NetworkLayout, settings: Settings, ip: str) -> Record:
    """Return the binding of *ip*, which alone is read."""
    try:
        address = IPv4Address(ip)
    except ValueError:
        what = f"{ip!r} is not an IPv4 address: metalease ls {files.name}"
        raise SettingsError("IP", what) from None
    mac = find(files, str(address))
    state = State(StateDirectory(files.bindings), settings)
    name = mac.digits + SUFFIX
    state.update(state.directory.read_all([name]), {}, commanded=True)
    if mac.octets not in state.records:
        raise state.problems[name]
    return state.records[mac.octets]


@dataclass(slots=True)
class Reader:
    """Asks for one guest's documents, as that guest would."""

    metadata: Metadata
    readiness: Readiness
    record: Record
    _known: dict[str, bytes] = field(default_factory=dict)
    """By the target of a rule: a version's document is no other than the next one's,
    and what is random is so once."""

    def fetch(self, path: str) -> bytes | None:
        """Return what a GET of *path* is answered; None: nothing is there."""
        request = Request("GET", path, path)
        outcome = self.metadata.resolve(request, self.record.ip, self.record, wait=True)
        response = outcome.response
        body = response.body
        if isinstance(body, FileBody):
            with open(body.descriptor, "rb") as file:
                body = file.read(LARGE + 1)
        # looked at after it was read: who began to write meanwhile is seen
        if self.readiness.is_writing(self.record.ip, time.time()):
            raise SettingsError(
                f"config drive of {self.record.ip}",
                "its documents are just being written: try again",
            )
        if response.status != 200:
            return None
        target = outcome.rule.target if outcome.rule is not None else None
        return body if target is None else self._known.setdefault(target, body)


def _too_large(drive: Drive, options: argparse.Namespace, size: int) -> SettingsError:
    """Return the refusal of a drive over the limit: it says what is large."""
    places = Counter(drive.files.values())
    octets, count = max(places.items(), key=lambda each: len(each[0]) * each[1])
    path = next(path for path, each in drive.files.items() if each == octets)
    times = f", in {count} places" if count > 1 else ""
    advice = ", or --layout nocloud, which holds it once" if count > 1 else ""
    return SettingsError(
        f"config drive of {options.ip}",
        f"{size / MIB:.1f} MiB do not fit on {LARGE // MIB} MiB:"
        f" make {path} smaller ({len(octets) / MIB:.1f} MiB{times}){advice}",
    )
