"""dnsmasq's dhcp-boot, pxe-service and boot options as [dhcp.boot] (dnsmasq(8)).

dnsmasq chooses by tags, we by what the client is: so a client of each kind is asked
about, with the tags that it would have had.
"""

import re
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from collections.abc import Set
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Any

from dhcp.boot import ARCHITECTURES
from dhcp.codes import OptionCode

from .options import SIADDR
from .options import Option
from .options import choose
from .options import holds
from .options import plain_tag
from .plan import CHANGES
from .plan import LOST
from .plan import Note
from .tags import IPXE
from .tags import TagRules

# the place of a word is its number of option 93
SERVICES = (
    "x86pc",
    "pc98",
    "ia64_efi",
    "alpha",
    "arc_x86",
    "intel_lean_client",
    "ia32_efi",
    "x86-64_efi",
    "xscale_efi",
    "bc_efi",
    "arm32_efi",
    "arm64_efi",
)
BY_HTTP = {15, 16, 18, 19}  # numbers of option 93 that load by HTTP
KINDS = [number for numbers in ARCHITECTURES.values() for number in numbers]
FILE = int(OptionCode.BOOT_FILE_NAME)
SERVER = int(OptionCode.TFTP_SERVER_NAME)
_PLACES = re.compile(r'(?:^|,)((?:"[^"]*"|[^,"])*)')
"""A word may be empty, and a quoted one holds commas."""
OF_BOOT = {FILE, SERVER, SIADDR}


@dataclass(frozen=True, slots=True)
class BootLine:
    """One dhcp-boot, or one pxe-service of an *architecture*."""

    where: str
    file: str
    server_name: str = ""
    server: IPv4Address | None = None
    tags: frozenset[str] = frozenset()
    architecture: int | None = None


def parse_boot(text: str, where: str) -> BootLine | str:
    """Read what is after dhcp-boot=; the reason where it does not map."""
    tags, words = _split_tags(text)
    # an empty word is a place that is left out
    file, name, server = [*words, "", "", ""][:3]
    try:
        address = IPv4Address(server) if server else None
    except ValueError:
        return f"names its server {server!r}: write its address"
    if not file:
        return "names no file"
    return BootLine(where, file, name, address, tags)


def parse_service(text: str, where: str) -> BootLine | str:
    """Read what is after pxe-service=; the reason where it does not map."""
    tags, words = _split_tags(text)
    kind, _, name, server = [*words, "", "", "", ""][:4]
    word = kind.lower()
    architecture = SERVICES.index(word) if word in SERVICES else -1
    if kind.isdigit():
        architecture = int(kind)
    if architecture < 0 or not name or name.isdigit():
        return "boots from the disk or by a type: only a file has a key of ours"
    try:
        address = IPv4Address(server) if server else None
    except ValueError:
        return f"names its server {server!r}: write its address"
    # dnsmasq adds the layer to a name without an ending
    file = name if "." in name.rpartition("/")[2] else f"{name}.0"
    return BootLine(where, file, "", address, tags, architecture)


def _split_tags(text: str) -> tuple[frozenset[str], list[str]]:
    tags: set[str] = set()
    words = [each.strip().strip('"') for each in _PLACES.findall(text)]
    while words and words[0].partition(":")[0] in ("tag", "net"):
        tags.add(plain_tag(words.pop(0).partition(":")[2]))
    return frozenset(tags), words


@dataclass(frozen=True, slots=True)
class _Told:
    """What one kind of client is told."""

    file: str
    server_name: str
    server: str


def boot_of(
    lines: Sequence[BootLine],
    options: Iterable[Option],
    rules: TagRules,
    tags: Set[str],
    ourselves: str,
) -> tuple[dict[str, Any], list[Note]]:
    """Return the table `boot` for a network whose guests all have *tags*.

    Files for hosts with further tags, as neutron's ports, are everyone's if they are
    the only ones.
    """
    said = [each for each in options if each.code in OF_BOOT]
    clients = rules.of_client()
    asked: list[BootLine | Option] = [*lines]
    asked += (each for each in said if of_client(each, clients))
    if not asked:
        return {}, []
    further: dict[frozenset[str], str] = {}
    for each in asked:
        named = {tag for tag in each.tags if tag[:1] != "!"}
        further.setdefault(frozenset(named - clients - tags), each.where)
    found: dict[frozenset[str], tuple[dict[str, Any], list[Note]]] = {}
    for group, where in further.items():
        table, notes = _boot_for(lines, said, rules, tags | group, ourselves, where)
        if table:
            found[group] = table, notes
    if not found:
        what = "no kind of client is told a file by these tags"
        return {}, [Note(LOST, asked[0].where, what)]
    first = min(found, key=lambda group: (len(group), sorted(group)))
    table, notes = found[first]
    if first:
        what = (
            f"is for every guest that boots so, not for tag {', '.join(sorted(first))}"
        )
        notes.append(Note(CHANGES, further[first], f"the boot file {what} alone"))
    for group, (other, _) in found.items():
        if other != table:
            what = f"the boot files of tag {', '.join(sorted(group))} are others: set"
            what = f"{what} options 66 and 67 of its bindings"
            notes.append(Note(LOST, further[group], what))
    return table, notes


def of_client(option: Option, clients: Set[str]) -> bool:
    """Whether what a client says of itself decides over *option*."""
    return any(tag.lstrip("!") in clients for tag in option.tags)


def _boot_for(
    lines: Sequence[BootLine],
    said: Sequence[Option],
    rules: TagRules,
    tags: Set[str],
    ourselves: str,
    where: str,
) -> tuple[dict[str, Any], list[Note]]:
    """Return the table for guests with *tags*; an empty one where none is told."""
    notes: list[Note] = []
    told: dict[int, _Told] = {}
    scripts: dict[int, _Told] = {}
    for number in KINDS:
        plain, ipxe = (
            _answer(lines, said, rules.of_sender(sent, tags), number, ourselves)
            for sent in (_sender(number), _sender(number) | _IPXE)
        )
        if plain is not None and (
            number not in BY_HTTP or plain.file.startswith("http")
        ):
            told[number] = plain
        if ipxe is not None:
            scripts[number] = ipxe
    every = [*told.values(), *scripts.values()]
    if not every:
        return {}, []
    table: dict[str, Any] = {"server": every[0].server}
    if every[0].server_name:
        table["server_name"] = every[0].server_name
    if any(each.server == ourselves for each in every):
        what = f"who boots is sent to {ourselves}, where dnsmasq was: set"
        what = f"{what} dhcp.boot.server to who has the files"
        notes.append(Note(CHANGES, where, what))
    if len({(each.server, each.server_name) for each in every}) > 1:
        what = f"boot servers differ: all are sent to {every[0].server}"
        notes.append(Note(CHANGES, where, what))
    names = {each.file for each in scripts.values()}
    if scripts and names != {each.file for each in told.values()}:
        script = scripts[min(scripts)].file
        table["script"] = script
        if len(names) > 1:
            what = f"iPXE is told by its architecture: here {script} is for all"
            notes.append(Note(CHANGES, where, what))
    elif names:
        table["script"] = min(names)  # the same for all: iPXE is told it again
    if files := _by_word({number: each.file for number, each in told.items()}):
        table["files"] = files
    silent = rules.of_sender({}, tags)
    if any(holds(each.tags, silent) and each.architecture is None for each in lines):
        what = "is told to who boots by PXE or HTTP; dnsmasq told everyone"
        notes.append(Note(CHANGES, where, f"the boot file {what}"))
    if any(each.architecture is not None for each in lines):
        what = "pxe-service: no menu is shown, its file is loaded at once"
        notes.append(Note(CHANGES, where, what))
    return table, notes


_IPXE = {77: IPXE.encode(), 175: b"\xb1\4\1\x10\0\0"}


def _sender(number: int) -> dict[int, bytes]:
    kind = b"HTTPClient" if number in BY_HTTP else b"PXEClient"
    vendor = kind + b":Arch:%05d:UNDI:003001" % number
    return {60: vendor, 93: number.to_bytes(2, "big")}


def _answer(
    lines: Sequence[BootLine],
    options: Sequence[Option],
    tags: Set[str],
    number: int,
    ourselves: str,
) -> _Told | None:
    found: BootLine | None = None
    for each in lines:  # the last one wins, and one with tags before one without
        if each.architecture not in (None, number) or not holds(each.tags, tags):
            continue
        if found is None or each.tags or not found.tags:
            found = each
    if found is not None:
        return _Told(found.file, found.server_name, str(found.server or ourselves))
    told = choose(options, tags)
    file = ",".join(told[FILE].values) if FILE in told else ""
    if not file:
        return None
    server = next((told[each].values for each in (SIADDR, SERVER) if each in told), ())
    name = server[0] if server else ourselves
    try:
        return _Told(file, "", str(IPv4Address(name)))
    except ValueError:
        return _Told(file, name, ourselves)


def _by_word(files: Mapping[int, str]) -> dict[str, str]:
    """Return the files by our words for architectures, or by their numbers."""
    table: dict[str, str] = {}
    for word, numbers in ARCHITECTURES.items():
        names = {files.get(number) for number in numbers}
        if len(names) == 1 and None not in names:
            table[word] = files[numbers[0]]
            continue
        table |= {str(each): files[each] for each in numbers if each in files}
    return table
