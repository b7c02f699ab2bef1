r"""The words of PCRE: forms of groups, places, options, and what re cannot say."""

import re
from dataclasses import dataclass

from .characters import LAST
from .characters import Characters

ANY = Characters(((0, LAST),))

BRACES = re.compile(r"\{([0-9]+)(?:(,)([0-9]+)?)?\}")  # {,3} is text in PCRE
OPTIONS = re.compile(r"\(\?(\^?[a-zA-Z]*)(?:-([a-zA-Z]*))?([:)])")
NAMED = re.compile(r"\(\?P?(?:<([A-Za-z_]\w{0,31})>|'([A-Za-z_]\w{0,31})')", re.ASCII)
BACK_NAMED = re.compile(
    r"\\k(?:<(\w+)>|'(\w+)'|\{(\w+)\})|\\g\{([A-Za-z_]\w*)\}|\(\?P=(\w+)\)", re.ASCII
)
BACK = re.compile(r"\\g(?:\{(-?\d{1,2})\}|(-?\d{1,2}))|\\([1-9]\d?)", re.ASCII)
ANCHORS = {
    "A": r"\A",
    "Z": r"(?=\n?\Z)",
    "z": r"\Z",
    "G": r"\A",
    "b": r"\b",
    "B": r"(?!\b)",  # re's own \B is not in what is empty
}
LOOKS = {
    # how it begins: behind, negative
    "(?=": (False, False),
    "(?!": (False, True),
    "(?<=": (True, False),
    "(?<!": (True, True),
}
REFUSED = {
    r"\K": r"\K moves where the match begins: write what is wanted in () and use $1",
    r"\C": r"\C takes half a character: write .",
    r"\p": r"\p{..} is of Unicode: write a class, [A-Za-z]",
    r"\P": r"\P{..} is of Unicode: write a class, [^A-Za-z]",
    r"\X": r"\X is of Unicode: write .",
    "(*": "(*..) steers PCRE itself: leave it out",
    "(?|": "(?| numbers groups anew: write ( ) once, around the branches",
    "(?(": "(?(..) asks what matched before: write both cases, with |",
    "(?C": "(?C) calls a program: leave it out",
    "(?R": "(?R) is the pattern in itself: write it out as often as is needed",
    "(?&": "(?&name) is a pattern in itself: write it out where it is needed",
    "(?P>": "(?P>name) is a pattern in itself: write it out where it is needed",
    r"\g<": r"\g<..> is a pattern in itself: write it out where it is needed",
    r"\g'": r"\g'..' is a pattern in itself: write it out where it is needed",
}


@dataclass(frozen=True, slots=True)
class Options:
    """What (?i) and its like switch on."""

    i: bool = False
    m: bool = False
    s: bool = False
    x: bool = False
