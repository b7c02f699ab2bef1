"""The package's one error: bytes from the wire that are no DHCP message."""


class MalformedMessage(ValueError):  # noqa: N818 # the name that design.md promises
    """What arrived cannot be read: *where* in it, and *what* is wrong."""

    def __init__(self, where: str, what: str) -> None:
        super().__init__(f"{where}: {what}")
        self.where = where
        self.what = what
