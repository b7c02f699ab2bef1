"""Rules files, and requests that are made to match them, drawn by hypothesis.

What both read alike is drawn; what is read differently on purpose is not, and is listed
in docs/differences.md: so a pattern that looks at the URL's end is drawn only where no
URL has a query, and only parts that take any character meet escapes.
"""

from collections.abc import Callable

from hypothesis import HealthCheck
from hypothesis import Phase
from hypothesis import given
from hypothesis import seed
from hypothesis import settings
from hypothesis import strategies as st

from .lighttpd_patterns import EXACT
from .lighttpd_patterns import SEGMENTS
from .lighttpd_patterns import of_pattern
from .lighttpd_patterns import patterns
from .lighttpd_patterns import repeated
from .lighttpd_patterns import targets
from .lighttpd_questions import Aim
from .lighttpd_questions import Case
from .lighttpd_questions import Guard
from .lighttpd_questions import Manner
from .lighttpd_questions import Question
from .lighttpd_questions import question

QUESTIONS = 20  # by rules file: a start of lighttpd costs as much as 50 of them
FILES = ("a", "there", "b")  # in each document root
ROOTS = ("html", "root1", "root2")
SUFFIXES = ("~", ".inc", "-data")
DEEP = 2  # blocks in each other

ADDRESSED = (
    Guard('$HTTP["remoteip"] == "127.0.0.5"', 0, caller="127.0.0.5"),
    Guard('$HTTP["remoteip"] == "127.0.0.6"', 0, caller="127.0.0.6"),
    Guard('$HTTP["remoteip"] == "127.0.0.4/30"', None, caller="127.0.0.6"),
    Guard('$HTTP["remoteip"] == "127.0.1.0/24"', None, caller="127.0.1.5"),
    Guard('$HTTP["remoteip"] != "127.0.1.5"', None, caller="127.0.0.9"),
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
    Guard('$HTTP["url"] == "/a/b"', 0, prefix="/a/b"),
    Guard('$HTTP["url"] !~ "^/there"', None),
    Guard('$HTTP["url"] != "/a"', None),
    Guard('$HTTP["url"] =$ "data"', 0),
)


def guards(manner: Manner, prefix: str) -> st.SearchStrategy[Guard]:
    known = ADDRESSED + SAID + (ASKED if manner.queries else ())
    if prefix:  # two of them would leave no URL
        return st.sampled_from(known)
    return st.one_of(st.sampled_from(known), st.sampled_from(OF_URL))


def quoted(pattern: str) -> str:
    return '"' + pattern.replace('"', '\\"') + '"'


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
    wanted = st.lists(patterns(manner, prefix), min_size=1, max_size=3, unique=True)
    for pattern in draw(wanted):
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


REWRITES = ("url.rewrite-once", "url.rewrite")
NAMES = (
    *(*REWRITES, "url.rewrite-once", "url.rewrite-once"),
    *("url.rewrite-repeat", "url.rewrite-if-not-file"),
    *("url.rewrite-repeat-if-not-file", "url.redirect", "url.redirect"),
    *("url.access-deny", "url.access-deny", "alias.url", "server.document-root"),
)


def block(
    draw: st.DrawFn, manner: Manner, within: tuple[Guard, ...], aims: list[Aim]
) -> str:
    """Return what stands in a block, or in the file."""
    known = REWRITES if manner.paths else NAMES
    names = [each for each in known if within or each != "server.document-root"]
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
    # 1.4.69 takes the same condition in two of them for one
    if OTHERWISE.text not in said and draw(st.integers(0, 2)) == 0:
        said.add(OTHERWISE.text)
        inner = block(draw, manner, (*within, OTHERWISE), aims)
        links.append(f"else {{\n{inner}\n}}")
    return "\n".join(links)


OTHERWISE = Guard("else", None, caller="127.0.0.9", host="h", kind="b", method="GET")


MANNERS = (
    *(Manner(queries=True), Manner(), Manner(queries=True, escapes=True)),
    *(Manner(queries=True), Manner(), Manner(paths=True), Manner(paths=True)),
)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """A rules file and requests."""
    manner = draw(st.sampled_from(MANNERS))
    aims: list[Aim] = []
    text = block(draw, manner, (), aims)
    asked = tuple(
        question(draw, manner, draw(st.sampled_from(aims))) for _ in range(QUESTIONS)
    )
    if manner.paths:
        asked = tuple(each for one in asked for each in twins(one))[:QUESTIONS]
        asked = (*asked[:-1], twins(asked[-1])[-1])
    return Case(text, asked, manner.paths)


def twins(question: Question) -> tuple[Question, ...]:
    """Return it, and without its query where it has one."""
    path, mark, _ = question.target.partition("?")
    return (question, question._replace(target=path)) if mark else (question,)


def drawn(count: int, number: int, wanted: Callable[[Case], bool]) -> list[Case]:
    """Return cases of *count* requests in all, each of them *wanted*.

    What is drawn for a *number* depends on hypothesis, and on what else is loaded.
    """
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
            if wanted(case):
                found.append(case)

        keep()
        number += 1
    return found
