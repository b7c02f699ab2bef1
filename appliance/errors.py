"""The appliance's one error: what an operator can cause, and the way out.

The exit code travels with it: 1 refused or failed, 3 the daemon is not running
where it is needed (design.md, command line).
"""

REFUSED = 1
NOT_RUNNING = 3


class SettingsError(Exception):
    """Something that the operator gave cannot be used.

    *where* names the file (and key), *what* says what is wrong with which value
    and, where there is one, the way out.
    """

    def __init__(self, where: object, what: str, *, exit_code: int = REFUSED) -> None:
        super().__init__(f"{where}: {what}")
        self.where = str(where)
        self.what = what
        self.exit_code = exit_code
