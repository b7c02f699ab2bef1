r"""Patterns: what PCRE means by them, and that none takes long."""

import re

import pytest
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st

from rewrite.hazards import check
from rewrite.patterns import SUBJECT_AT_MOST
from rewrite.patterns import Pattern
from rewrite.pcre import read_pattern

from .backtracking import TooMany
from .backtracking import steps

MEANINGS = [
    # pattern, subject, what matches (None: nothing), by PCRE's manual
    (r"a++b", "aab", "aab"),
    (r"a++a", "aaa", None),
    (r"(?>a+)a", "aaa", None),
    (r"\Aa", "ba", None),
    (r"a\z", "a\n", None),
    (r"a\Z", "a\n", "a"),
    (r"a$", "a\n", "a"),
    (r"\Ga", "ba", None),
    (r"a\hb", "a\tb", "a\tb"),
    (r"a\Hb", "a b", None),
    (r"a\Rb", "a\r\nb", "a\r\nb"),
    (r"a\Rb", "a\u2028b", "a\u2028b"),
    (r"a\Nb", "a\nb", None),
    (r"\v", "\x0b", "\x0b"),
    (r"(?i)aB", "Ab", "Ab"),
    (r"a(?i)b", "aB", "aB"),
    (r"a(?i)b", "AB", None),
    (r"(a(?i)b|c)d", "Cd", "Cd"),
    (r"(a(?i)b|c)d", "CD", None),
    (r"a(?i:b)c", "aBc", "aBc"),
    (r"(?i)a(?-i)b", "AB", None),
    (r"(?i)[^a]", "A", None),
    (r"(?s)a.b", "a\nb", "a\nb"),
    (r"a.b", "a\nb", None),
    (r"(?m)^b", "a\nb", "b"),
    (r"(?x) a  b # c", "ab", "ab"),
    (r"(?x)a +", "aa", "aa"),
    (r"[[:alpha:]]+", "1aZ", "aZ"),
    (r"[[:^alpha:]]+", "a12b", "12"),
    (r"[[:xdigit:]-]+", "x0-fg", "0-f"),
    (r"[]a]+", "a]b", "a]"),
    (r"[^]a]+", "a]b", "b"),
    (r"[a\d-]+", "a-1b", "a-1"),
    (r"[\Qa-c\E]+", "a-cb", "a-c"),
    (r"[[a]+", "[a", "[a"),
    (r"[\b]", "\b", "\b"),
    (r"[\101]", "A", "A"),
    (r"\Q.*\E", "a.*", ".*"),
    (r"\Qab\E+", "abb", "abb"),
    (r"\Qa", "a", "a"),
    (r"\E\Ea", "a", "a"),
    (r"a{,3}", "a{,3}", "a{,3}"),
    (r"a{,3}", "aaa", None),
    (r"a{x}", "a{x}", "a{x}"),
    (r"a{1,2}?", "aa", "a"),
    (r"(?<n>a)\k<n>", "aa", "aa"),
    (r"(?'n'a)\k'n'\k{n}\g{n}(?P=n)", "aaaaa", "aaaaa"),
    (r"(?P<n>a)\1", "aa", "aa"),
    (r"(a)(b)\g{-1}\g1", "abba", "abba"),
    (r"(?#no)a(?#)b", "ab", "ab"),
    (r"(?<=a|bc)d", "bcd", "d"),
    (r"(?<!a|bc)d", "bcd", None),
    (r"(?=a)a(?!b)", "abac", "a"),
    (r"\x41\x{42}\103\o{104}", "ABCD", None),
    (r"\x41\x{42}\o{103}", "ABC", "ABC"),
    (r"\cA\e\a", "\x01\x1b\x07", "\x01\x1b\x07"),
    (r"\/\-\@", "/-@", "/-@"),
    (r"\d", "\u0664", None),
    (r"\w", "é", None),
    (r"é+", "éé", "éé"),
    (r"\ba\B", "ab", "a"),
    (r"\B", "", ""),
    (r"(?:a++\w+?)++", "aca", "ac"),
    (r"(c+?ab){0,2}+", "c1", ""),
    (r"[ab]b|(?>(1++){1,2}?1?+[ab]+?|a)++", "1aa", "1aa"),
    (r"a|", "b", ""),
    (r"", "b", ""),
]


@pytest.mark.parametrize(("pattern", "subject", "matched"), MEANINGS)
def test_a_pattern_means_what_pcre_means(
    pattern: str, subject: str, matched: str | None
) -> None:
    """Where PCRE and re differ the pattern is translated, or refused (issue 6.2)."""
    if pattern.startswith(r"\x41\x{42}\103"):
        with pytest.raises(ValueError, match="no such group"):
            Pattern.parse(pattern)
        return
    found = Pattern.parse(pattern).search(subject)
    assert (None if found is None else found[0]) == matched


REFUSED = {
    r"(?R)": "the pattern in itself",
    r"(a)(?1)": "not known",
    r"(?&a)": "in itself",
    r"(?P>a)": "in itself",
    r"(a)\g<1>": "in itself",
    r"(?C1)a": "calls a program",
    r"(*UTF)a": "steers PCRE",
    r"a\Kb": r"write what is wanted in \(\)",
    r"\Ca": "write .",
    r"\p{L}": "write a class",
    r"\X": "of Unicode",
    r"(?|(a)|(b))": "numbers groups anew",
    r"(?(1)a|b)": "write both cases",
    r"(?<=a*)b": "a fixed width",
    r"(?<=(?:a|bc)d)e": "a fixed width",
    r"(?J)a": r"\(\?i\)",
    r"(?<n>a)(?<n>b)": "there twice",
    r"(": r"has no \)",
    r"a)": "closes nothing",
    r"[a": "has no ]",
    r"[z-a]": "ends before it begins",
    r"[a-\d]": "between two characters",
    r"[[:alpha:]-z]": "between two characters",
    r"[[.a.]]": "not known",
    r"[[:alfa:]]": "not known: alpha",
    r"[[:Alpha:]]": "not known: alpha",
    r"[[:<:]]a": "not known: alpha",
    r"^/[:alpha:]+": r"in brackets of its own: \[\[:alpha:\]\]",
    r"*a": "nothing before it",
    r"a|*": "nothing before it",
    r"^*": "a place cannot be repeated",
    r"(?=a)+": "a place cannot be repeated",
    r"a{3,2}": "less than the first",
    r"a{1001}": "more than 1000",
    r"a{99999999999999999999}": "more than 1000",
    r"a{2}{3}": "nothing before it",
    r"a+++": "nothing before it",
    r"(?xx)[a b]": r"\(\?x\) are",
    r"\N{U+41}": r"write \\x\{",
    r"\x{}": "escape is not known",
    r"\x{4g}": "escape is not known",
    r"\y": "escape is not known",
    "\\": "escape is not known",
    r"\x{110000}": "no such character",
    r"\x{d800}": "no such character",
    r"(a\1)": "no such group",
    r"(?i)(a)\1": "write its class",
    r"(?#a": r"has no \)",
    "(" * 51 + ")" * 51: "nested more than 50",
    "()" * 20: "more than 19",
}


@pytest.mark.parametrize("pattern", REFUSED)
def test_what_cannot_be_said_is_refused_with_its_reason(pattern: str) -> None:
    """What re has no word for is an error that says what to write (issue 6.2)."""
    with pytest.raises(ValueError, match=REFUSED[pattern]):
        Pattern.parse(pattern)


def test_nineteen_groups_are_enough() -> None:
    """lighttpd takes 19 groups, and so do we."""
    assert Pattern.parse("(a)" * 19).groups == 19


def test_a_subject_has_an_end() -> None:
    """What is longer than 1 KiB is not looked at (issue 6.2: matching is bounded)."""
    pattern = Pattern.parse("^/a*$")
    assert pattern.search("/" + "a" * (SUBJECT_AT_MOST - 1)) is not None
    assert pattern.search("/" + "a" * SUBJECT_AT_MOST) is None


LETTERS = st.sampled_from(["a", "b", "/", ".", r"\w", "[^/]", "[ab]", r"\d", "(?:ab)"])
PLACES = st.sampled_from(["^", "$", "(?=a)", "(?!b)"])
OFTEN = st.sampled_from(
    ["", "", "*", "+", "?", "*?", "*+", "{2}", "{1,3}", "{2,}", "{0,9}"]
)


def larger(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    group = st.sampled_from(["(?:{})", "({})", "(?>{})"])
    some = st.lists(inner, min_size=1, max_size=3)
    joined = some.map("".join) | some.map("|".join)
    return st.builds(
        lambda form, text, often: form.format(text) + often, group, joined, OFTEN
    )


PATTERNS = st.lists(
    st.recursive(
        st.builds("{}{}".format, LETTERS, OFTEN) | PLACES, larger, max_leaves=6
    ),
    min_size=1,
    max_size=5,
).map("".join)
PUMPS = ["a", "b", "/", "ab", "a/", "aab", "/a", "ab/"]


def growth(pattern: str, pump: str, length: int, most: int) -> int:
    """The steps for a subject of *length* that has an end of its own."""
    subject = (pump * length)[:length] + "!"
    return steps(read_pattern(pattern), subject, most)


@settings(max_examples=400, deadline=None)
@given(PATTERNS, st.sampled_from(PUMPS))
def test_no_pattern_that_is_accepted_takes_long(pattern: str, pump: str) -> None:
    """Twice the subject is four times the steps, no more: they are counted by a search
    that goes back as re's does (issue 6.2: catastrophic backtracking)."""
    try:
        check(read_pattern(pattern))
    except ValueError:
        return
    before = growth(pattern, pump, 32, 3_000_000)
    assert growth(pattern, pump, 64, 12_000_000) <= 5 * before + 2_000


HAZARDS = [
    *(
        "(a*)*$",
        "(a+)+$",
        "(a|a)*$",
        "(a|aa)+$",
        "(a|b|ab)*$",
        "([a-z]+)*$",
        r"(\w|\d)+!",
    ),
    *("(?:a?){30}a{30}", "(?:a?){30}$", "a?" * 13 + "$", "(?:a|b?)*$", "(?:ab|a?b?)+$"),
    *(".*.*!", ".*a.*a!", "^.*.*.*$!", "^.*a.*b.*c!", "(.*)/(.*)/x$", r"^(\w+\s?)*$"),
    *(
        "^(?=.*.*.*!)a",
        "((a{1,4}){1,4}){1,4}$",
        "(a*b?)*$",
    ),
    *(r"([ab]+\w{2,}$)*", r"(?:a+\w+\b)?", "^(?:.*a.*b.*!$|x)"),
    *("^(?:.*/)?(?:.*/)?(?:.*/)?!", "(?:a|ab)(?:c|bcd)(?:d*)*$", "(.+)+!"),
    # a look takes as long where it matches at once
    *("[ab]*?(?=(?:aa|b)+)/", ".*a(?=b*)b"),
    # one round of three is not the whole; {1,900} has an end, and then $ is not there
    *(r"([ab]{3}b*\w*+){3}", r"\w*?([^/](?:a|b){2}[ab]*+){2,}", ".*a.{1,900}$"),
    *(".*(?:ab){290}x", ".*a{590}x"),
]


@pytest.mark.parametrize("pattern", HAZARDS)
def test_a_pattern_that_may_take_long_is_refused(pattern: str) -> None:
    """Repeats in repeats, branches that overlap in one, three loops in a row: refused
    with a way to write it (issue 6.2)."""
    with pytest.raises(ValueError, match="may take very long"):
        Pattern.parse(pattern)


def test_such_patterns_do_take_long() -> None:
    """The search that counts finds a hazard where there is one: what it says counts."""
    for pattern in ("(a*)*$", "(a|a)*$", "(a+)+$"):
        with pytest.raises(TooMany):
            growth(pattern, "a", 32, 50_000)


HARMLESS = [
    *(
        r"^/.*/meta-data/(.+)$",
        r"^/(.+)/user[-_]data$",
        "^/(.*)/(.*)$",
        "^/([^/]+)/(.*)$",
    ),
    *(r"^/(?:latest|1\.0|\d{4}-\d\d-\d\d)/meta-data/?$", "(.*)\\.json$", "/([^/]+)/x"),
    *(
        "^(?:/[^/]+)*$",
        "^(?:[^/]++/)*x$",
        "a{1,4}b",
        r"\.(?:png|jpe?g|gif)$",
        "(.)" * 9,
    ),
    *("^/(?:a|b|c)*$", "^a++a", r"^/(\w+)/(\d+)/(\w+)$"),
    *(r"^/(?:[0-9a-f]{2}:){5}[0-9a-f]{2}/(.*)$", r"/\w{32,}", r"/\d{2,}/(.+)$"),
    *(r"^/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$", r"^/(?!latest/)(.*)$"),
    *(r"^/(?:\d{1,3}\.){3}\d{1,3}/(.+)$", r"^(?=.*=)/a", r"(?<!\.bak)$"),
]


@pytest.mark.parametrize("pattern", HARMLESS)
def test_a_pattern_that_is_harmless_is_let_in(pattern: str) -> None:
    """What rules are made of is not refused by mistake."""
    Pattern.parse(pattern)


@given(st.text(alphabet="()[]{}*+?|\\^$.-,012aA<>=!:#PQEdw'&RC", max_size=40))
def test_any_text_is_a_pattern_or_the_one_error(text: str) -> None:
    """Any text compiles, or is refused with ValueError."""
    try:
        pattern = Pattern.parse(text)
    except ValueError:
        return
    assert isinstance(pattern.regex, re.Pattern)


SIMPLE = st.text(alphabet="ab/.*+?()|[]^$\\d-", max_size=12)


@given(SIMPLE, st.text(alphabet="ab/1.", max_size=10))
def test_where_re_and_pcre_agree_nothing_is_changed(text: str, subject: str) -> None:
    """A pattern of their common language matches here what it matches in re."""
    try:
        ours = Pattern.parse(text)
        theirs = re.compile(text, re.ASCII)
    except (ValueError, re.error, FutureWarning):  # re may read it otherwise one day
        return
    found, other = ours.search(subject), theirs.search(subject)
    assert (found and found.span()) == (other and other.span())
    assert (found and found.groups()) == (other and other.groups())
