"""Rules files, and requests that are made to match them, drawn by hypothesis.

What both read alike is drawn; what is read differently on purpose is not, and is listed
in docs/differences.md: so a pattern that looks at the URL's end is drawn only where no
URL has a query, and only parts that take any character meet escapes.
"""

import re
from dataclasses import dataclass
from typing import NamedTuple

from hypothesis import HealthCheck
from hypothesis import Phase
from hypothesis import given
from hypothesis import seed
from hypothesis import settings
from hypothesis import strategies as st

from rewrite.patterns import Pattern

QUESTIONS = 20  # by rules file: a start of lighttpd costs as much as 50 of them
CALLERS = ("127.0.0.5", "127.0.0.6", "127.0.0.9", "127.0.1.5")
HOSTS = ("h", "vm1.lab", "vm2.lab", "h:80")
KINDS = ("", "a", "b", "ab")  # of the header X-Kind, which may be absent
METHODS = ("GET", "GET", "GET", "HEAD", "POST")
QUERIES = ("k=1", "k=2&x=%41", "x=a/b&k=1", "k", "a=b=c;d")
SEGMENTS = ("a", "b", "latest", "meta-data", "user_data", "v1", "there", "2009-04-04")
FILES = ("a", "there", "b")  # in each document root
ROOTS = ("html", "root1", "root2")
SUFFIXES = ("~", ".inc", "-data")
DEEP = 2  # blocks in each other


class Question(NamedTuple):
    """A request: who asks for what."""

    target: str
    caller: str = CALLERS[0]
    method: str = "GET"
    host: str = HOSTS[0]
    kind: str = ""


class Case(NamedTuple):
    """A rules file, in which "{directory}" is where the roots are, and requests."""

    rules: str
    questions: tuple[Question, ...]


@dataclass(frozen=True, slots=True)
class Manner:
    """What the URLs of a file have: not both, or too little would be the same."""

    queries: bool
    escapes: bool


@dataclass(frozen=True, slots=True)
class Guard:
    """A condition, and what makes it hold."""

    text: str
    groups: int | None
    """Captures for targets; None where it has none that may be named."""
    caller: str = ""
    method: str = ""
    host: str = ""
    kind: str = ""
    query: str = ""
    prefix: str = ""
    """What its URLs begin with."""

    def met(self, question: Question) -> Question:
        return question._replace(
            caller=self.caller or question.caller,
            method=self.method or question.method,
            host=self.host or question.host,
            kind=self.kind or question.kind,
        )


@dataclass(frozen=True, slots=True)
class Aim:
    """How to meet a setting: the conditions around, and URLs for what it says."""

    guards: tuple[Guard, ...]
    urls: st.SearchStrategy[str]


def quoted(pattern: str) -> str:
    return '"' + pattern.replace('"', '\\"') + '"'


# conditions

ADDRESSED = (
    Guard('$HTTP["remoteip"] == "127.0.0.5"', 0, caller="127.0.0.5"),
    Guard('$HTTP["remoteip"] == "127.0.0.6"', 0, caller="127.0.0.6"),
    Guard('$HTTP["remoteip"] == "127.0.0.4/30"', 0, caller="127.0.0.6"),
    Guard('$HTTP["remoteip"] == "127.0.1.0/24"', 0, caller="127.0.1.5"),
    Guard('$HTTP["remoteip"] != "127.0.0.5"', None, caller="127.0.0.9"),
    Guard(r'$HTTP["remoteip"] =~ "^127\.0\.([01])\.(5)$"', 2, caller="127.0.1.5"),
)
SAID = (
    Guard('$HTTP["host"] == "vm1.lab"', 0, host="vm1.lab"),
    Guard(r'$HTTP["host"] =~ "^vm(\d)\.(.*)$"', 2, host="vm2.lab"),
    Guard('$HTTP["host"] =^ "vm"', 0, host="vm2.lab"),
    Guard('$HTTP["host"] != "h"', None, host="vm1.lab"),
    Guard('$HTTP["request-method"] == "POST"', 0, method="POST"),
    Guard('$HTTP["request-method"] =~ "^(GET|HEAD)$"', 1, method="HEAD"),
    Guard('$HTTP["request-method"] != "HEAD"', None, method="GET"),
    Guard('$REQUEST_HEADER["X-Kind"] == "a"', 0, kind="a"),
    Guard('$REQUEST_HEADER["x-kind"] =~ "(.)(b)?$"', 2, kind="ab"),
    Guard('$REQUEST_HEADER["X-Kind"] !~ "b"', None, kind="a"),
)
ASKED = (
    Guard('$HTTP["querystring"] =~ "(?:^|&)k=([12])"', 1, query="k=2&x=1"),
    Guard('$HTTP["querystring"] == "k=1"', 0, query="k=1"),
    Guard('$HTTP["querystring"] !~ "x"', None, query="k=1"),
    Guard('$HTTP["querystring"] =$ "=1"', 0, query="y&k=1"),
)
OF_URL = (
    *(Guard(f'$HTTP["url"] =^ "/{each}"', 0, prefix=f"/{each}") for each in SEGMENTS),
    *(Guard(f'$HTTP["url"] =~ "^/({each})"', 1, prefix=f"/{each}") for each in "ab"),
    Guard('$HTTP["url"] =~ "^/(v(.)|latest)/"', 2, prefix="/v1/"),
    Guard('$HTTP["url"] !~ "^/there"', None),
    Guard('$HTTP["url"] != "/a"', None),
    Guard('$HTTP["url"] =$ "data"', 0),
)


def guards(manner: Manner, prefix: str) -> st.SearchStrategy[Guard]:
    known = ADDRESSED + SAID + (ASKED if manner.queries else ())
    if prefix:  # two of them would leave no URL
        return st.sampled_from(known)
    return st.one_of(st.sampled_from(known), st.sampled_from(OF_URL))


# patterns and targets

EXACT = tuple(f"/{each}" for each in SEGMENTS)
NARROW = (
    *("/([a-z]+)", r"/(\d+)-(\d\d)", r"/(\w*)", "/(a|b|latest)", "/(?:a|(b))"),
    *(r"/v\d{1,2}", "/([a-z]{1,4})?", "(?i)/(DATA|meta)", r"/[^/?\d]", "/(?>[ab]+)"),
    *("/([[:alnum:]]++)", "/(x|ab?)", "(?<=/)b", r"/(?!meta)([\w-]+)", r"\b/?a"),
)
WIDE = ("/([^/?]+)", "(/[^?]*)", "/(?:[^/?]*)/([^?]*)", "(/.+)")
ENDS = ("", "", "/?", r"(?:\?(.*))?$", r"(?:\?|$)", r"(\?)?")
ENDS_OF_PATHS = ("", "$", "$", "/?$", r"/\z", "(/.*)?$")
WORDS = ("", "", "esc:", "escape:", "escnde:", "noesc:", "escpsnde:", "encb64u:")
OTHERS = ("${url.path}", "$$", "/s2", "-", "${url.authority}", "${url.port}")


def accepted(text: str) -> bool:
    try:
        Pattern.parse(text)
    except ValueError:
        return False  # it may take long: a difference that is listed
    return True


def patterns(manner: Manner, prefix: str) -> st.SearchStrategy[str]:
    parts = st.sampled_from(EXACT) | st.sampled_from(WIDE)
    if not manner.escapes:
        parts |= st.sampled_from(NARROW)
    ends = ENDS if manner.queries else ENDS_OF_PATHS
    begins = st.sampled_from(("^" + prefix, "^" + prefix, "^" + prefix, ""))
    return st.builds(
        lambda begin, parts, end: begin + "".join(parts) + end,
        begins,
        st.lists(parts, min_size=0 if prefix else 1, max_size=3),
        st.sampled_from(ends),
    ).filter(accepted)


def targets(
    pattern: str, around: int | None, manner: Manner
) -> st.SearchStrategy[str]:
    words = st.sampled_from(("",) if manner.escapes else WORDS)
    groups = st.integers(0, min(9, Pattern.parse(pattern).groups))
    pieces = st.one_of(
        st.builds("${{{}{}}}".format, words, groups),
        st.builds("/${}".format, groups),
        st.sampled_from(EXACT + OTHERS),
    )
    if around is not None:
        pieces |= st.builds("%{}".format, st.integers(0, around))
    path = st.lists(pieces, max_size=3).map("".join)
    queries = ["", ""]
    if manner.queries:
        queries += ["?q=1", "${qsa}", "?q=1${qsa}", "?${url.query}", "?v=${esc:0}"]
    return st.builds(
        "/{}{}{}".format, st.sampled_from(("x", "a", "")), path, st.sampled_from(queries)
    )


def repeated(pattern: str) -> st.SearchStrategy[str]:
    """Return targets that grow little, however often: lighttpd has no bound."""
    groups = st.integers(0, min(9, Pattern.parse(pattern).groups))
    return st.sampled_from(("/x", "/b", "/v1")) | st.builds("/s2${}".format, groups)


def of_pattern(pattern: str, prefix: str) -> st.SearchStrategy[str]:
    """Return URLs that *pattern* matches, below *prefix*."""

    def plain(text: str) -> str:
        url = re.sub(r"[^a-z0-9/?&=_~-]", lambda odd: _letter(odd[0]), text, flags=re.I)
        if url.startswith(prefix or "/"):
            return url
        return f"{prefix or '/'}{url}"

    return st.from_regex(Pattern.parse(pattern).regex).map(plain)


def _letter(character: str) -> str:
    return "abcdefgh"[ord(character) % 8]


# files


def rules(
    draw: st.DrawFn,
    name: str,
    manner: Manner,
    within: tuple[Guard, ...],
    aims: list[Aim],
) -> str:
    """Return `"pattern" => "target", ..`, and aim at each."""
    prefix = prefix_of(within)
    pairs = []
    for _ in range(draw(st.integers(1, 3))):
        pattern = draw(patterns(manner, prefix))
        around = within[-1].groups if within else None
        if "repeat" in name:
            target = draw(repeated(pattern))
        else:
            target = draw(targets(pattern, around, manner))
        pairs.append(f"{quoted(pattern)} => {quoted(target)}")
        aims.append(Aim(within, of_pattern(pattern, prefix)))
    return ", ".join(pairs)


def prefix_of(within: tuple[Guard, ...]) -> str:
    return "".join(guard.prefix for guard in within)


PATHS = st.lists(st.sampled_from(EXACT), min_size=1, max_size=3).map("".join)


def setting(
    draw: st.DrawFn,
    name: str,
    manner: Manner,
    within: tuple[Guard, ...],
    aims: list[Aim],
) -> str:
    """Return one setting, and aim at what it says."""
    prefix = prefix_of(within)
    match name:
        case "url.redirect":
            said = rules(draw, name, manner, within, aims)
            if draw(st.booleans()):
                said = said.replace('=> "/', '=> "http://${url.authority}/')
            code = draw(st.sampled_from(("", "302", "307", "308")))
            coded = f"\nurl.redirect-code = {code}" if code else ""
            return f"{name} = ({said}){coded}"
        case "url.access-deny":
            suffix = draw(st.sampled_from(SUFFIXES))
            aims.append(Aim(within, PATHS.map(lambda path: prefix + path + suffix)))
            return f'{name} = ("{suffix}", ".never")'
        case "alias.url":
            own = prefix.rstrip("/") + draw(st.sampled_from(EXACT)) + "/"
            root = draw(st.sampled_from(ROOTS))
            urls = st.sampled_from(FILES + SEGMENTS).map(own.__add__)
            aims.append(Aim(within, urls))
            return f'{name} = ("{own}" => "{{directory}}/{root}/")'
        case "server.document-root":
            root = draw(st.sampled_from(ROOTS))
            aims.append(Aim(within, PATHS.map(prefix.__add__)))
            return f'{name} = "{{directory}}/{root}"'
    return f"{name} = ({rules(draw, name, manner, within, aims)})"


REWRITES = ("url.rewrite-once", "url.rewrite-once", "url.rewrite-once")
NAMES = (
    *REWRITES,
    *("url.rewrite-repeat", "url.rewrite-if-not-file", "url.rewrite"),
    *("url.rewrite-repeat-if-not-file", "url.redirect", "url.redirect"),
    *("url.access-deny", "alias.url", "server.document-root"),
)


def block(
    draw: st.DrawFn, manner: Manner, within: tuple[Guard, ...], aims: list[Aim]
) -> str:
    """Return what stands in a block, or in the file."""
    names = [each for each in NAMES if within or each != "server.document-root"]
    chosen = draw(st.lists(st.sampled_from(names), min_size=1, max_size=2, unique=True))
    lines = [setting(draw, name, manner, within, aims) for name in chosen]
    if len(within) < DEEP:
        said: set[str] = set()
        for _ in range(draw(st.integers(0 if within else 1, 1 if within else 2))):
            lines.append(chain(draw, manner, within, aims, said))
    return "\n".join(lines)


def chain(
    draw: st.DrawFn,
    manner: Manner,
    within: tuple[Guard, ...],
    aims: list[Aim],
    said: set[str],
) -> str:
    """Return a block, and what is else; no condition of *said* once more."""
    links = []
    for place in range(draw(st.integers(1, 3))):
        wanted = guards(manner, prefix_of(within))
        guard = draw(wanted.filter(lambda each: each.text not in said))
        said.add(guard.text)
        inner = block(draw, manner, (*within, guard), aims)
        links.append(f"{'else ' if place else ''}{guard.text} {{\n{inner}\n}}")
    if draw(st.integers(0, 2)) == 0:
        inner = block(draw, manner, (*within, OTHERWISE), aims)
        links.append(f"else {{\n{inner}\n}}")
    return "\n".join(links)


OTHERWISE = Guard("else", None, caller="127.0.0.9", host="h", kind="b", method="GET")


# requests


def question(draw: st.DrawFn, manner: Manner, aim: Aim) -> Question:
    """Return a request that aims well, but is written oddly."""
    asked = Question(
        "",
        draw(st.sampled_from(CALLERS)),
        draw(st.sampled_from(METHODS)),
        draw(st.sampled_from(HOSTS)),
        draw(st.sampled_from(KINDS)),
    )
    query = draw(st.sampled_from(("", *QUERIES)))
    for guard in aim.guards:
        asked = guard.met(asked)
        query = guard.query or query
    path, mark, own = draw(aim.urls).partition("?")
    if manner.queries:
        query = own if mark and own else query
    else:
        query = ""
    path = odd(draw, path[:200], manner)
    return asked._replace(target=f"{path}?{query}" if query else path)


def odd(draw: st.DrawFn, path: str, manner: Manner) -> str:
    """Return *path* with a slash doubled, a letter escaped, another case, or as is."""
    at = draw(st.integers(0, len(path) - 1))
    before, here, behind = path[:at], path[at], path[at + 1 :]
    match draw(st.integers(0, 15)):
        case 10 | 11:
            return re.sub("/", "//", path, count=1 + at % 2)
        case 2 | 3 if here not in "/":
            return f"{before}%{ord(here):02x}{behind}"
        case 4:
            return before + here.swapcase() + behind
        case 5:
            return path.replace("/", "/./", 1)
        case 6:
            return f"{path}%00"
        case 7 | 8 | 9 if manner.escapes:
            return path + draw(st.sampled_from(("%20", "%C3%A9", "%3F", "%25", "%22")))
    return path


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """A rules file and requests."""
    manner = draw(
        st.sampled_from((Manner(True, False), Manner(False, False), Manner(True, True)))
    )
    aims: list[Aim] = []
    text = block(draw, manner, (), aims)
    asked = tuple(
        question(draw, manner, draw(st.sampled_from(aims))) for _ in range(QUESTIONS)
    )
    return Case(text, asked)


def drawn(count: int, number: int) -> list[Case]:
    """Return cases of *count* requests in all: the same for the same *number*."""
    found: list[Case] = []
    while len(found) * QUESTIONS < count:

        @seed(number)
        @settings(
            max_examples=-(-count // QUESTIONS) - len(found),
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(cases())
        def keep(case: Case) -> None:
            found.append(case)

        keep()
        number += 1
    return found

