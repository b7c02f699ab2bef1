"""The package's one error: a request that cannot be served, with its status."""


class BadRequest(ValueError):  # noqa: N818 # the name that design.md promises
    """*what* is wrong, and the *status* that says so; the connection closes."""

    def __init__(self, status: int, what: str) -> None:
        super().__init__(f"{status}: {what}")
        self.status = status
        self.what = what
