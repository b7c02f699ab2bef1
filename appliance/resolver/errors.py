"""A query that cannot be read; what is to be said of it, if anything."""


class MalformedQuery(ValueError):  # noqa: N818 # named like its sisters
    """*what* is wrong; with *answerable* the sender gets a FORMERR."""

    def __init__(self, what: str, *, answerable: bool = True) -> None:
        super().__init__(what)
        self.what = what
        self.answerable = answerable
