"""The package's one error: a rules file that cannot be meant."""


class RuleSyntaxError(ValueError):
    """*what* is wrong at *line* and *column* (from 1) of *file*, and what to write."""

    def __init__(self, file: str, line: int, column: int, what: str) -> None:
        super().__init__(f"{file}:{line}:{column}: {what}")
        self.file = file
        self.line = line
        self.column = column
        self.what = what
