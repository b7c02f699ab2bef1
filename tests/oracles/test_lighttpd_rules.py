"""Any rules file makes of any URL what the real lighttpd makes of it.

`python -m tests.oracles.test_lighttpd_rules COUNT [SEED]`, as root, asks as often as is
said, by another seed each day.
"""

import re
import sys
import tempfile
import time
from collections import Counter
from ipaddress import IPv4Address
from pathlib import Path
from urllib.parse import unquote

import pytest

from httpd.errors import BadRequest
from httpd.paths import parse_target
from rewrite.asked import Rewrite
from rewrite.escapes import normal
from rewrite.ruleset import Asked
from rewrite.ruleset import RuleSet

from .lighttpd import DENIED
from .lighttpd import LISTENED
from .lighttpd import REFUSED
from .lighttpd import Outcome
from .lighttpd import theirs
from .lighttpd_generator import FILES
from .lighttpd_generator import QUESTIONS
from .lighttpd_generator import drawn
from .lighttpd_questions import Case
from .lighttpd_questions import Question

pytestmark = pytest.mark.machine

COUNT, SEED = 500, 2  # in each run of the suite, the same
AT_A_TIME = 125  # cases of one namespace
MATCHED_AT_LEAST = 0.6
EXCUSED_AT_MOST = 0.01
AT_LEAST = {
    # of 500 requests: that nothing is compared with nothing
    "mapped": 250,
    "redirected": 10,
    "denied": 1,
    "refused": 2,
}
PROMISING = 0.7  # of a case's requests are for its rules, as far as we see
NEEDLESS = re.compile("%(?:2[146789ABC]|3[ABD]|40)")  # sub-delims, ":" and "@"
DAY = 86_400  # seconds


def ours(rules: RuleSet, question: Question) -> Outcome:
    """Return what comes of a request by our reading."""
    try:
        path, query = parse_target(question.target)
    except BadRequest:
        return REFUSED
    headers = {"host": question.host}
    if question.kind:
        headers["x-kind"] = question.kind
    asked = Asked(
        path,
        IPv4Address(question.caller),
        question.method,
        query=query,
        headers=headers,
        socket=LISTENED,
        is_file=lambda found: str(found.target).removeprefix("/") in FILES,
    )
    found = rules.apply(asked)
    if found is None:
        found = Rewrite(path, normal(query))
    if found.redirect is not None:
        return Outcome(
            "redirected", f"{found.redirect.status} {found.redirect.location}"
        )
    if found.refusal is not None:
        return DENIED if found.refusal.status == 403 else REFUSED
    assert found.target is not None
    target = re.sub("/+", "/", found.target)  # as good as one, to a file system
    root, rest = found.elsewhere(target) or ("/html", target.removeprefix("/"))
    mapped = f"{root.rstrip('/')}/{rest}".removeprefix("/")
    return Outcome("mapped", f"{target}?{found.query} {mapped}")


def wanted(question: Question, there: Outcome) -> Outcome:
    """Return what lighttpd did, but for what docs/differences.md lists."""
    if question.method == "POST" and there.what.startswith("301 "):
        return there._replace(what=f"308 {there.what.removeprefix('301 ')}")
    return there


def with_query_of(there: Outcome, twin: Outcome) -> Outcome:
    """Return what comes of a URL without its query, which is kept."""
    if there.kind != "mapped":
        return there
    query = re.sub(r"^.*?\?| [^ ]*$", "", there.what)
    return twin._replace(what=twin.what.replace("?", f"?{query}"))


def plain(outcome: Outcome) -> Outcome:
    """Return it with what needs no escape in the path of a location unescaped."""
    path, mark, query = outcome.what.partition("?")
    if outcome.kind == "redirected":
        path = NEEDLESS.sub(lambda found: unquote(found[0]), path)
    return Outcome(outcome.kind, path + mark + query)


def ours_of(case: Case) -> list[Outcome]:
    """Return what comes of each question, with the roots below "/"."""
    rules = RuleSet.parse(("f", case.rules.replace("{directory}", "")))
    return [ours(rules, question) for question in case.questions]


def compare(directory: Path, cases: list[Case]) -> tuple[Counter[str], list[str]]:
    """Return how often what came of a request, and what was different."""
    counts: Counter[str] = Counter()
    different = []
    every = tuple(question for case in cases for question in case.questions)
    *answers, bare = theirs(directory, [*cases, Case("", every)])
    for case, row in zip(cases, answers, strict=True):
        without, bare = bare[: len(row)], bare[len(row) :]  # where there are no rules
        matched = [
            there[:2] != each[:2] for there, each in zip(row, without, strict=True)
        ]
        for place, here in enumerate(ours_of(case)):
            question, there = case.questions[place], row[place]
            demanded = wanted(question, there)
            if case.paths and "?" in question.target and not matched[place]:
                demanded = with_query_of(there, row[place + 1])
                matched[place] = matched[place + 1]
                counts["by path alone"] += matched[place]
            counts["asked"] += 1
            counts[there.kind] += 1
            counts["matched"] += matched[place]
            if plain(here) == plain(demanded):
                continue
            if "%" in there.made and "%" not in question.target:
                counts["by escapes"] += 1  # of a rule's, that the next one saw
                continue
            different.append(
                f"{case.rules}\n{question}\nlighttpd: {there}\nhere: {here}\n"
            )
    return counts, different


def is_promising(case: Case) -> bool:
    """Whether most of its requests seem to match a rule: to draw it, not to judge."""
    nothing = RuleSet.parse(("f", ""))
    outcomes = ours_of(case)
    bare = [ours(nothing, question) for question in case.questions]
    matched = sum(one != other for one, other in zip(outcomes, bare, strict=True))
    return matched >= PROMISING * len(outcomes)


def compare_all(count: int, number: int, directory: Path) -> Counter[str]:
    """Compare *count* requests, print the counts, and assert that all is equal."""
    counts: Counter[str] = Counter()
    left = drawn(count, number, is_promising)
    while left:
        now, left = left[:AT_A_TIME], left[AT_A_TIME:]
        some, different = compare(directory, now)
        counts += some
        said = f"seed {number}: {len(different)} differences"
        assert not different, "\n".join((said, *different[:5]))
    print(f"seed {number}:", ", ".join(f"{n} {kind}" for kind, n in counts.items()))
    return counts


def assert_enough(counts: Counter[str]) -> None:
    assert counts["matched"] >= MATCHED_AT_LEAST * counts["asked"], counts
    for kind, least in AT_LEAST.items():
        assert counts[kind] * COUNT >= least * counts["asked"], (kind, counts)
    assert counts["by escapes"] <= EXCUSED_AT_MOST * counts["asked"], counts


NETWORK = '$HTTP["remoteip"] == "127.0.0.4/30"'
HOST = '$HTTP["host"] == "h:80"'
BORDER = 'alias.url = ("/al" => "{directory}/root1")'
LISTED = [
    # a row of docs/differences.md: rules, what is asked, lighttpd's outcome and ours
    (
        "a query",
        'url.rewrite-once = ("a$" => "/x")',
        "/a?q",
        "/a?q html/a",
        "/x?q html/x",
    ),
    (
        "an empty query",
        'url.rewrite-once = ("^/a(.*)" => "/x${esc:1}")',
        "/a?",
        "/x?? html/x?",
        "/x? html/x",
    ),
    (
        "%0 of a network",
        f'{NETWORK} {{ url.rewrite-once = ("" => "/x/%0") }}',
        "/a",
        "/a? html/a",
        "/x/127.0.0.5? html/x/127.0.0.5",
    ),
    (
        "%0 of a host",
        f'{HOST} {{ url.rewrite-once = ("" => "/x/%0") }}',
        "/a",
        "/a? html/a",
        "/x/h? html/x/h",
    ),
    ("an alias inside a name", BORDER, "/ala", "/ala? root1a", "/ala? html/ala"),
    ("no escape", "", "/a%zz", "/a%zz? html/a%zz", ""),
    ("a backslash", "", "/a\\b", "/a\\b? html/a\\b", ""),
    ("a fragment", "", "/a#b", "/a? html/a", ""),
    ("an octet over 127", "", "/é", "/é? html/é", ""),
]


def test_what_is_read_differently_on_purpose(tmp_path: Path) -> None:
    """Where we differ we do so for a reason (docs/differences.md, To lighttpd; issue
    6.4)."""
    cases = [Case(rules, (Question(url),)) for _, rules, url, _, _ in LISTED]
    rows = zip(LISTED, cases, theirs(tmp_path, cases), strict=True)
    for (name, _, _, at_theirs, at_ours), case, (there,) in rows:
        assert (name, plain(there)) == (name, Outcome("mapped", at_theirs))
        here = Outcome("mapped", at_ours) if at_ours else REFUSED
        assert (name, ours_of(case)) == (name, [here])


def test_any_rules_make_of_any_url_what_lighttpd_makes_of_it(tmp_path: Path) -> None:
    """Path, query, file, redirect and refusal are the same for drawn rules and URLs, of
    which most match a rule (issue 6.4)."""
    counts = compare_all(COUNT, SEED, tmp_path)
    assert counts["asked"] == COUNT // QUESTIONS * QUESTIONS
    assert_enough(counts)


def main() -> None:
    count = int(sys.argv[1])
    number = int(sys.argv[2]) if len(sys.argv) > 2 else int(time.time()) // DAY
    with tempfile.TemporaryDirectory() as directory:
        assert_enough(compare_all(count, number, Path(directory)))


if __name__ == "__main__":
    main()
