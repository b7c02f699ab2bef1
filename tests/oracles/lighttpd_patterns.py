"""Patterns, targets, and URLs that a pattern matches, drawn by hypothesis."""

import re

from hypothesis import strategies as st

from rewrite.patterns import Pattern
from rewrite.pcre import read_pattern

from .lighttpd_questions import Manner

SEGMENTS = ("a", "b", "latest", "meta-data", "user_data", "v1", "there", "2009-04-04")
EXACT = tuple(f"/{each}" for each in SEGMENTS)
NARROW = (
    *("/([a-z]+)", r"/(\d+)-(\d\d)", r"/(\w*)", "/(a|b|latest)", "/(?:a|(b))"),
    *(r"/v\d{1,2}", "/([a-z]{1,4})?", "(?i)/(DATA|meta)", r"/[^/?\d]", "/(?>[ab]+)"),
    *("/([[:alnum:]]++)", "/(x|ab?)", "(?<=/)b", r"/(?!meta)([\w-]+)", r"\b/?a"),
)
WIDE = ("/([^/?]+)", "(/[^?]*)", "/(?:[^/?]+)/([^?]+)", "(/.+)")
# a "?" with nothing behind it is in no capture: a difference that is listed
ENDS = ("", "", "/?", r"(?:\?(.+))?$", r"(?=\?|$)", r"(?:/|(?=\?))")
ENDS_OF_PATHS = ("", "$", "$", "/?$", r"/\z", "(/.*)?$")
WORDS = ("", "", "esc:", "escape:", "escnde:", "noesc:", "escpsnde:", "encb64u:")
OTHERS = (
    *("${url.path}", "$$", "/s2", "-", "${url.authority}", "${url.port}"),
    *("~", ".inc", "/x~"),  # what is denied
)


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


def targets(pattern: str, around: int | None, manner: Manner) -> st.SearchStrategy[str]:
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
        queries += ["?q=1", "${qsa}", "?q=1${qsa}", "?u=${url.query}"]
    if not manner.escapes and not manner.paths:
        queries += ["?v=${esc:0}"]
    return st.builds(
        "/{}{}{}".format,
        st.sampled_from(("x",) if manner.paths else ("x", "a", "")),
        path,
        st.sampled_from(queries),
    )


def repeated(pattern: str) -> st.SearchStrategy[str]:
    """Return targets that grow little, however often: lighttpd has no bound."""
    groups = st.integers(0, min(9, Pattern.parse(pattern).groups))
    return st.sampled_from(("/x", "/b", "/v1")) | st.builds("/s2${}".format, groups)


def of_pattern(pattern: str, prefix: str) -> st.SearchStrategy[str]:
    """Return URLs that *pattern* matches, below *prefix*."""

    def plain(text: str) -> str:
        url = text.removesuffix("\n")  # that a "$" of re's lets in
        url = re.sub(r"[^A-Za-z0-9/?_~-]", lambda odd: _letter(odd[0]), url)
        if url.startswith(prefix or "/"):
            return url
        return f"{prefix or '/'}{url}"

    # Debian's hypothesis has no word for what gives nothing back
    giving = pattern.replace("(?>", "(?:").replace("++", "+")
    return st.from_regex(re.compile(str(read_pattern(giving)), re.ASCII)).map(plain)


def _letter(character: str) -> str:
    return "abcdefgh"[ord(character) % 8]
