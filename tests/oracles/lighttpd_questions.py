"""Requests that are made to match a rule, and then written a little oddly."""

import re
from dataclasses import dataclass
from typing import NamedTuple

from hypothesis import strategies as st

CALLERS = ("127.0.0.5", "127.0.0.6", "127.0.0.9", "127.0.1.5")
HOSTS = ("h", "vm1.lab", "vm2.lab", "h:80")
KINDS = ("", "a", "b", "ab")  # of the header X-Kind, which may be absent
METHODS = ("GET", "GET", "GET", "HEAD", "POST")
QUERIES = ("k=1", "k=2&x=%41", "x=a/b&k=1", "k", "a=b=c;d")


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
    paths: bool = False
    """Its patterns end with a path, and each question with a query is there without
    one behind it."""


@dataclass(frozen=True, slots=True)
class Manner:
    """What the URLs of a file have."""

    queries: bool = False
    escapes: bool = False
    paths: bool = False
    """Queries, of which no pattern knows."""


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
        query = re.sub("[/?]", "", own) or query or "k" * len(mark)
    elif not manner.paths:
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
