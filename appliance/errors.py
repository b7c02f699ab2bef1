"""The appliance's one error: what an operator can cause, and the way out.

The exit code travels with it: 1 refused or failed, 3 the daemon is not running
where it is needed (design.md, command line).
"""

REFUSED = 1
NOT_RUNNING = 3


def printable(text: str) -> str:
    """Return *text* for a terminal: a file's odd characters are shown, not sent."""
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape").decode()
        for each in text
    )


class SettingsError(Exception):
    """Something that the operator gave cannot be used.

    *where* names the file (and key), *what* says what is wrong with which value
    and, where there is one, the way out.
    """

    def __init__(self, where: object, what: str, *, exit_code: int = REFUSED) -> None:
        self.where = printable(str(where))
        self.what = printable(what)
        super().__init__(f"{self.where}: {self.what}")
        self.exit_code = exit_code
