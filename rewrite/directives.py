"""The settings that a rules file knows: lighttpd's that are about URLs, and ours."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from .asked import IF_MISSING
from .blocks import Alias
from .blocks import Entry
from .blocks import Listing
from .blocks import Proxy
from .blocks import Rule
from .blocks import Word
from .blocks import Words
from .expressions import Value
from .patterns import Pattern
from .targets import Target

PRINTABLE = re.compile(r"[ -~]+")
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_SPOOLED = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
REFUSALS = range(400, 600)
REDIRECTS = range(300, 400)
RENDERED = ("json",)
AFTERWARDS = {"redirects", "denied", "proxies", "aliases", "root", "fallbacks"}
"""Fields of Settings that look at the URL which the rules made."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where in its file a setting stands."""

    name: str
    """The setting's."""
    around: int | None
    """Groups of the condition's pattern around; None where it has none."""
    nested: bool = False
    of_url: bool = False
    """Whether the condition around is one that the URL has to meet."""


def _target(value: Value, groups: int, place: Place) -> Target:
    try:
        return Target.parse(value.text(), groups, place.around)
    except ValueError as problem:
        value.fail(str(problem))


def _path(value: Value, groups: int, place: Place) -> Target:
    target = _target(value, groups, place)
    if not target.is_path:
        value.fail(f'{value.text()!r}: a target begins with "/"')
    return target


def _pattern(key: Value) -> Pattern:
    try:
        return Pattern.parse(key.text())
    except ValueError as problem:
        key.fail(str(problem))


def _rules(value: Value, place: Place) -> tuple[Rule, ...]:
    rules = []
    for key, to in value.pairs():
        pattern = _pattern(key)
        # without a target the URL stays as it is, and no later rule is asked
        target = _path(to, pattern.groups, place) if to.text() else None
        rules.append(Rule(pattern, target, key.where, place.name))
    return tuple(rules)


def _redirects(value: Value, place: Place) -> tuple[Rule, ...]:
    rules = []
    for key, to in value.pairs():
        pattern = _pattern(key)
        target = _target(to, pattern.groups, place) if to.text() else None
        rules.append(Rule(pattern, target, key.where, place.name))
    return tuple(rules)


def _spooled(value: Value, place: Place) -> tuple[Rule, ...]:
    rules = []
    for key, name in value.pairs():
        if not _SPOOLED.fullmatch(name.text()):
            name.fail(
                f"{name.text()!r}: a name in the spool is lower-case letters, digits,"
                ' ".", "-", "_", 64 at most'
            )
        target = Target(name.text(), (name.text(),))
        rules.append(Rule(_pattern(key), target, key.where, place.name))
    return tuple(rules)


def _aliases(value: Value, _: Place) -> tuple[Alias, ...]:
    aliases = []
    for key, path in value.pairs():
        if not key.text().startswith("/") or not path.text().startswith("/"):
            key.fail("an alias is a prefix and a path, both begin with /")
        aliases.append(Alias(key.text(), path.text(), key.where.origin))
    return tuple(aliases)


def _listing(value: Value, place: Place) -> Listing:
    entries = tuple(
        Entry(item.value.text(), None)
        if item.key is None
        else Entry(item.key.text(), _path(item.value, 0, place))
        for item in value.items()
    )
    return Listing(entries, value.where)


def _suffixes(value: Value, _: Place) -> Words:
    texts = []
    for key, suffix in value.items():
        if key is not None:
            key.fail('suffixes belong here: ( "~", ".inc" )')
        texts.append(suffix.text())
    return Words(tuple(texts), value.where)


def _root(value: Value, place: Place) -> Word:
    path = value.text()
    if not path.startswith("/"):
        value.fail(f"{path!r}: a document root begins with /")
    if not place.nested:
        value.fail(
            "server.document-root belongs inside a condition: guests' documents are"
            " below metadata/, and alias.url leads to other places"
        )
    return Word(path, value.where)


def _content_type(value: Value, _: Place) -> str:
    if not PRINTABLE.fullmatch(value.text()):
        value.fail("a content type is printable ASCII")
    return value.text()


def one_of(known: tuple[str, ...]) -> Callable[[Value, Place], str]:
    """Return what reads one of the *known* words."""

    def read(value: Value, _: Place) -> str:
        if value.text() not in known:
            value.fail(f"{value.text()!r} is not known: {', '.join(known)} are")
        return value.text()

    return read


def status(known: range) -> Callable[[Value, Place], int]:
    """Return what reads a status, as a number or in quotes."""

    def read(value: Value, _: Place) -> int:
        text = str(value.content)
        if not (text.isdecimal() and text.isascii() and int(text) in known):
            value.fail(f"a status of {known.start} to {known.stop - 1} belongs here")
        return int(text)

    return read


def _headers(value: Value, _: Place) -> tuple[tuple[str, str], ...]:
    headers = []
    for key, text in value.pairs():
        if not _HEADER.fullmatch(key.text()):
            key.fail(f"{key.text()!r} is no header's name")
        if text.text() and not PRINTABLE.fullmatch(text.text()):
            text.fail("a header is printable ASCII")
        headers.append((key.text(), text.text()))
    return tuple(headers)


def _required(value: Value, place: Place) -> tuple[tuple[str, str], ...]:
    return tuple((name.lower(), text) for name, text in _headers(value, place))


def _proxies(value: Value, place: Place) -> tuple[Proxy, ...]:
    proxies = []
    for key, upstreams in value.pairs():
        path = key.text()
        if not path.startswith("/") and not (path == "" and place.of_url):
            key.fail(
                f'{path!r}: an exact path belongs here, that begins with /, or ""'
                ' inside $HTTP["url"] == ".." { }: a suffix is not passed on'
            )
        hosts = upstreams.items()
        if any(item.key is not None and item.key.content == "host" for item in hosts):
            proxies.append(Proxy(path, _upstream(upstreams), key.where))
            continue
        if len(hosts) != 1:
            upstreams.fail(
                'one upstream belongs here: (("host" => "..", "port" => 80))'
            )
        proxies.append(Proxy(path, _upstream(hosts[0].value), key.where))
    return tuple(proxies)


def _upstream(value: Value) -> str:
    host, port = "", 80
    for key, said in value.pairs():
        match key.text():
            case "host":
                host = said.text()
            case "port":
                text = str(said.content)
                if not (text.isdecimal() and 0 < int(text) < 65_536):
                    said.fail("a port is a number from 1 to 65535")
                port = int(text)
            case other:
                key.fail(f'"{other}" is not known: "host" and "port" are')
    if not re.fullmatch(r"[A-Za-z0-9.-]+", host):
        value.fail('"host" => "10.0.0.3" belongs here, a name or an IPv4 address')
    return f"{host}:{port}"


READERS: dict[str, tuple[str, Callable[[Value, Place], object]]] = {
    # the setting: the field of Settings, and what reads it
    "url.rewrite-once": ("rules", _rules),
    "url.rewrite-final": ("rules", _rules),
    "url.rewrite": ("rules", _rules),
    "url.rewrite-repeat": ("rules", _rules),
    "url.rewrite-if-not-file": ("fallbacks", _rules),
    "url.rewrite-repeat-if-not-file": ("fallbacks", _rules),
    "url.redirect": ("redirects", _redirects),
    "url.redirect-code": ("redirect_code", status(REDIRECTS)),
    "url.access-deny": ("denied", _suffixes),
    "alias.url": ("aliases", _aliases),
    "proxy.server": ("proxies", _proxies),
    "server.document-root": ("root", _root),
    "setenv.add-response-header": ("headers", _headers),
    "metalease.list": ("listing", _listing),
    "metalease.content-type": ("content_type", _content_type),
    "metalease.if-missing": ("if_missing", one_of(IF_MISSING)),
    "metalease.require-header": ("required", _required),
    "metalease.refuse": ("refuse", status(REFUSALS)),
    "metalease.spool": ("spooled", _spooled),
    "metalease.spool-once": ("spooled", _spooled),
    "metalease.render": ("render", one_of(RENDERED)),
}
