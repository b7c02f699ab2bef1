"""lighttpd.conf as a .rules file: what rules hold stays, the rest is said and goes."""

import re
from collections.abc import Iterator
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from rewrite.errors import RuleSyntaxError
from rewrite.lighttpd import Setting
from rewrite.lighttpd import parse_lighttpd_conf
from rewrite.tokens import Span
from rewrite.tokens import word_end

from ..errors import SettingsError
from .lines import Source
from .plan import CHANGES
from .plan import LOST
from .plan import MAPS
from .plan import Note
from .web import PROXY
from .web import upstreams_by_name

INCLUDED_AT_MOST = 8  # files in each other
_INCLUDE = re.compile(r'\s*include\s+"([^"]+)"\s*(?:#.*)?')
_SHELL = re.compile(r"\s*include_shell\b.*")


@dataclass(frozen=True, slots=True)
class _Line:
    text: str
    where: str
    """file:line"""


@dataclass(frozen=True, slots=True)
class Rules:
    """A .rules file, and what was said of the lines that it was made from."""

    text: str
    notes: tuple[Note, ...]


def read_lighttpd(source: Source, file: str) -> Rules:
    """Return *file*, and what it includes, as rules; raises SettingsError."""
    notes: list[Note] = []
    lines = list(_gather(source, file, notes))
    text = "".join(each.text + "\n" for each in lines)
    try:
        found = parse_lighttpd_conf(text, file)
    except RuleSyntaxError as problem:
        at = lines[min(problem.line, len(lines)) - 1].where
        what = problem.what
        if what.startswith("there is no file"):  # `_gather` has put in all others
            what = 'write include "FILE" on a line of its own, without + or a variable'
        raise SettingsError(f"{at}:{problem.column}", what) from None
    cuts: list[Span] = []
    for setting in sorted(found.settings, key=lambda each: each.line):
        where = lines[setting.spans[0].name.line - 1].where
        if setting.problem is None:
            notes.append(Note(MAPS, where, f"{setting.name} stays as it is"))
            if setting.name == PROXY:
                notes += (
                    Note(CHANGES, where, what) for what in upstreams_by_name(setting)
                )
        else:
            cuts += setting.spans
            notes.append(Note(LOST, where, _lost(setting)))
    return Rules(_without(text, cuts), tuple(notes))


def _lost(setting: Setting) -> str:
    problem = setting.problem or ""
    if f"{setting.name} is not known:" in problem:  # and then each setting of rules
        return f"{setting.name} is no setting of rules: leave it out"
    return problem if setting.name in problem else f"{setting.name}: {problem}"


def _gather(
    source: Source, file: str, notes: list[Note], depth: int = 0
) -> Iterator[_Line]:
    """Yield the lines of *file* with what it includes in the place of its name."""
    text = source.text(file)
    if text is None:
        raise SettingsError(file, "is not there: copy it along, or take its line out")
    if depth > INCLUDED_AT_MOST:
        raise SettingsError(file, "is included by itself")
    for number, line in enumerate(text.splitlines(), 1):
        where = f"{file}:{number}"
        if _SHELL.fullmatch(line):
            what = "include_shell runs a program: write what it prints into the file"
            notes.append(Note(LOST, where, what))
        elif (named := _INCLUDE.fullmatch(line)) is None:
            yield _Line(line, where)
        else:
            found = _included(source, file, named[1])
            if not found:
                what = f"no file is {named[1]}: copy them along, if there are any"
                notes.append(Note(LOST, where, what))
            for each in found:
                yield from _gather(source, each, notes, depth + 1)


def _included(source: Source, file: str, name: str) -> Sequence[str]:
    """Return the files of an include: "x.conf", or "conf-enabled/*.conf"."""
    beside = file.rpartition("/")[0]
    path = name if name.startswith("/") or not beside else f"{beside}/{name}"
    folder, _, last = path.rpartition("/")
    if not set(last) & set("*?["):
        return [path]
    names = {each: each.rpartition("/")[2] for each in source.names(folder or ".")}
    return [
        each
        for each, name in names.items()
        # as glob(3): a leading dot is matched by a dot alone
        if fnmatchcase(name, last) and (name[:1] != "." or last[:1] == ".")
    ]


def _without(text: str, cuts: Sequence[Span]) -> str:
    """Return *text* with a word of comment in the place of each assignment."""
    starts = [0]
    for line in text.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    kept: list[str] = []
    at = 0
    for name, last in sorted(cuts, key=lambda span: (span.name.line, span.name.column)):
        begin = starts[name.line - 1] + name.column - 1
        end = word_end(text, starts[last.line - 1] + last.column - 1)
        kept += (text[at:begin], f"# {name.text} is not taken over")
        # a comment goes up to the end of its line: what stood behind needs its own
        rest = text[end:].partition("\n")[0].strip()
        kept.append("\n" if rest and not rest.startswith("#") else "")
        at = end
    kept.append(text[at:])
    return "".join(kept)
