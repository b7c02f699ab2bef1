"""ZStack's lighttpd.conf: what its rules lead to beyond our preset, as rules."""

import re
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import IPv4Address

from rewrite.lighttpd import Plain
from rewrite.lighttpd import Setting

from .plan import CHANGES
from .plan import LOST
from .plan import MAPS
from .plan import SHARED
from .plan import Note
from .tree import STRANGERS
from .tree import Documents

RULES = "url.rewrite-once"
PROXY = "proxy.server"
PORT = "server.port"
TYPES = "mimetype.assign"
EVERYONE = '$HTTP["remoteip"] =~ "^(.*)$"'
_CALLER = re.compile(r'\$HTTP\["remoteip"\] == "([0-9.]+)"')
# what the preset `zstack` says of the asking guest (zstack 3.2), as templates write it
PRESET = {
    ("^/.*/meta-data/(.+)$", "/${ip}/meta-data/$1"),
    ("^/.*/meta-data$", "/${ip}/meta-data"),
    ("^/.*/meta-data/$", "/${ip}/meta-data/"),
    ("^/.*/user-data$", "/${ip}/user-data"),
    ("^/.*/user_data$", "/${ip}/user_data"),
    ("^/.*/meta_data.json$", "/${ip}/meta_data.json"),
    ("^/.*/password$", "/${ip}/password"),
    ("^/.*/$", "/${ip}/$1"),
    ("^/.*/$", "/${ip}/"),
    ("^/$", "${ip}/"),
    ("^/$", "${ip}/$1"),
    ("^/$", "/${ip}/"),
}
# settings of the server, of which nothing is left to say here
SERVERS = {
    *("server.document-root", "server.bind", "server.max-worker", "server.modules"),
    *("server.errorlog", "server.pid-file", "server.username", "server.groupname"),
    *("accesslog.filename", "dir-listing.activate", "index-file.names"),
    *("server.event-handler", "server.network-backend"),
}
_INDENT = "    "


@dataclass(frozen=True, slots=True)
class Web:
    """What a lighttpd.conf of ZStack's says."""

    rules: str
    """The text of a .rules file, "" where the preset says it all."""
    port: int | None
    notes: tuple[Note, ...]


def read_web(settings: Sequence[Setting], found: Documents, where: str) -> Web:
    """Return as rules what *settings* say, and what html/ held beside guests' own."""
    port: int | None = None
    callers = 0
    shared: dict[str, str] = {}
    own: dict[tuple[str, str], None] = {}
    proxies: list[Setting] = []
    types: dict[str, str] = {}
    notes: list[Note] = []
    for each in settings:
        at = f"{each.file}:{each.line}"
        caller = _caller(each)
        if each.name == PORT and isinstance(each.value, int):
            port = each.value
        elif each.name == PROXY and each.problem is None:
            proxies.append(each)
        elif each.name == TYPES and not each.around:
            types = _used(each, found)
        elif each.name == RULES and caller is not None:
            callers += 1
            for pattern, target in _rows(each):
                general = target.replace(caller, "${ip}", 1)
                if (pattern, general) in PRESET:
                    continue
                if general == target:
                    shared[pattern] = target
                else:
                    own[pattern, general] = None
        elif each.name == RULES and STRANGERS in str(each.value):
            what = f"the rules to {STRANGERS}/ are left out: they answered nobody"
            notes.append(Note(CHANGES, at, what))
        elif each.name not in SERVERS:
            what = each.problem or "is none of ZStack's: write it into the .rules file"
            notes.append(Note(LOST, at, f"{each.name}: {what}"))
    what = f"addresses with ZStack's rules, which are our preset zstack: {callers}"
    notes.insert(0, Note(MAPS, where, what))
    notes += _missing(settings, found, callers, where)
    for pattern, _ in own:
        what = f"{pattern} of some addresses is a rule for every guest now"
        notes.append(Note(CHANGES, where, what))
    lines = [
        *_proxies(proxies),
        *_types(types),
        *_aliases(found),
        *_rules(_shared_rows(shared, found), own, found),
    ]
    notes += _notes(proxies, found, where)
    if not lines:
        return Web("", port, tuple(notes))
    head = "# What ZStack's lighttpd.conf and html/ said beyond the preset zstack.\n"
    return Web(head + "\n".join(lines) + "\n", port, tuple(notes))


def _missing(
    settings: Sequence[Setting], found: Documents, callers: int, where: str
) -> Iterator[Note]:
    """Say which half of a network's user-data was not copied along, if one was not."""
    if callers and not (found.documents or found.links):
        what = f"html/ beside it is not there, or empty: {callers} addresses lose"
        yield Note(LOST, where, f"{what} their documents. Copy it along")
    if not settings and (found.documents or found.links):
        what = "is not there, or empty: its proxies and port are lost. Copy it along"
        yield Note(LOST, where, what)


def _caller(setting: Setting) -> str | None:
    """Return the address whose block *setting* stands in."""
    inner = setting.around[-1] if setting.around else ""
    matched = _CALLER.fullmatch(inner)
    return matched and matched[1]


def _rows(setting: Setting) -> Iterator[tuple[str, str]]:
    for pattern, target in setting.pairs:
        yield pattern, str(target)


def _shared_rows(shared: Mapping[str, str], found: Documents) -> list[tuple[str, str]]:
    """Return what leads to files for everyone: by rules, and by their own names.

    A rule to what is not there answered 404, and is left out.
    """
    names = sorted({*found.links, *found.shared})
    rows = [
        (pattern, f"/{SHARED}{target}")
        for pattern, target in shared.items()
        if _leads_to(target, names)
    ]
    rows += [(f"^/{re.escape(name)}$", f"/{SHARED}/{_literal(name)}") for name in names]
    # a link may lead to a directory, whose files were served below its name
    return rows + [
        (f"^/{re.escape(name)}/(.+)$", f"/{SHARED}/{_literal(name)}/$1")
        for name in sorted(found.links)
    ]


def _leads_to(target: str, names: Sequence[str]) -> bool:
    literal, captured, _ = target.removeprefix("/").partition("$")
    if not captured:
        return literal in names
    return any(each.startswith(literal) for each in names)


def _rules(
    shared: Iterable[tuple[str, str]],
    own: Iterable[tuple[str, str]],
    found: Documents,
) -> Iterator[str]:
    rows = [*shared, *own]
    for path in found.further:
        # its own alone: lighttpd gave it to whoever asked (zstack 3.2)
        rows.append((f"^/[^/]+/{re.escape(path)}$", f"/${{ip}}/{_literal(path)}"))
    if rows:
        yield "url.rewrite-once = ("
        yield from (f"{_INDENT}{_text(one)} => {_text(two)}," for one, two in rows)
        yield ")"


def _used(setting: Setting, found: Documents) -> dict[str, str]:
    """Return the types of names that files beside the documents end with.

    The documents' own names have none of ZStack's endings.
    """
    names = (*found.links, *found.shared, *found.further)
    return {
        end: str(kind)
        for end, kind in setting.pairs
        if end and any(each.endswith(end) for each in names)
    }


def _types(types: Mapping[str, str]) -> Iterator[str]:
    for end, kind in types.items():
        yield f'$HTTP["url"] =~ {_text(f"{re.escape(end)}$")} {{'
        yield f"{_INDENT}metalease.content-type = {_text(kind)}"
        yield "}"


def _aliases(found: Documents) -> Iterator[str]:
    if found.links:
        yield "alias.url = ("
        for name, target in sorted(found.links.items()):
            yield f"{_INDENT}{_text(f'/{SHARED}/{name}')} => {_text(target)},"
        yield ")"


def _proxies(proxies: Iterable[Setting]) -> Iterator[str]:
    """Return each within the conditions around it: ZStack's exclude each other."""
    for proxy in proxies:
        around = [each for each in proxy.around if each != EVERYONE]
        for level, condition in enumerate(around):
            yield f"{_INDENT * level}{condition} {{"
        yield f"{_INDENT * len(around)}{PROXY} = {_plain(proxy.value)}"
        for level in reversed(range(len(around))):
            yield f"{_INDENT * level}}}"


def _notes(proxies: Sequence[Setting], found: Documents, where: str) -> Iterator[Note]:
    for each in proxies:
        at = f"{each.file}:{each.line}"
        what = f"{PROXY}: {' '.join(each.around[-1:])} goes where it went"
        yield Note(MAPS, at, what)
        yield from (Note(CHANGES, at, what) for what in upstreams_by_name(each))
    for name, target in sorted(found.links.items()):
        what = f"{name} is an alias of {target}: the daemon's user has to read it"
        yield Note(MAPS, where, what)
    for path in found.further:
        what = f"{path} in an address's directory is its own guest's alone"
        yield Note(CHANGES, where, what)


def upstreams_by_name(setting: Setting) -> Iterator[str]:
    """Yield what changes where proxy.server names its upstream by a host's name."""
    for name in sorted(_upstreams(setting.value)):
        with suppress(ValueError):
            IPv4Address(name)
            continue
        yield (
            f"{PROXY}: {name} is looked up by this host at each request, not once at"
            " the start: write its address if the name can move"
        )


def _upstreams(value: Plain) -> Iterator[str]:
    """Yield each "host" at any depth, as both of lighttpd's forms have it."""
    inner: Iterable[Plain] = ()
    match value:
        case dict():
            inner = value.values()
            host = value.get("host")
            if isinstance(host, str):
                yield host
        case list():
            inner = value
    for each in inner:
        yield from _upstreams(each)


def _plain(value: Plain) -> str:
    match value:
        case str():
            return _text(value)
        case int():
            return str(value)
        case list():
            return f"( {', '.join(map(_plain, value))} )"
        case dict():
            pairs = (f"{_text(key)} => {_plain(each)}" for key, each in value.items())
            return f"( {', '.join(pairs)} )"


def _literal(path: str) -> str:
    """Return *path* as a rule's target says it: nothing in it stands for a capture."""
    return path.replace("$", "$$")


def _text(text: str) -> str:
    return '"' + text.replace('"', '\\"') + '"'
