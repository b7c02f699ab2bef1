"""A copy of the tree, to be broken: the checkout is never touched."""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .table import Break
from .trial import Outcome

PATIENCE = 300  # seconds for a test that hangs when it is broken
LEFT_BEHIND = shutil.ignore_patterns(
    ".git", ".venv*", ".deps-*", ".*_cache", ".hypothesis", "build", "__pycache__"
)


class Workshop:
    """A copy at *place* of the tree at *root*."""

    def __init__(self, root: Path, place: Path) -> None:
        self._place = place / "tree"
        shutil.copytree(root, self._place, ignore=LEFT_BEHIND, symlinks=True)
        place.chmod(0o755)  # a daemon that is not root reads it, too

    def run(self, tests: Iterable[str]) -> Outcome:
        """Run *tests* on the copy as it is; up to the first that fails."""
        environment = {
            **os.environ,
            "PYTHONPATH": str(self._place),
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",  # a third of a second each time
        }
        trial = [sys.executable, "-m", "tests.breaks.trial", *tests]
        try:
            ended = subprocess.run(
                trial,
                cwd=self._place,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=PATIENCE,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return Outcome(faults=[f"no end within {PATIENCE} s"])
        try:
            return Outcome(**json.loads(ended.stdout.rstrip().rpartition("\n")[2]))
        except (ValueError, TypeError):
            return Outcome(faults=[f"pytest died: {ended.stdout[-500:]}"])

    def judge(self, each: Break) -> str:
        """Return what is wrong with a break; nothing where its test fails."""
        try:
            with self._broken(each):
                outcome = self.run([each.test])
        except ValueError as problem:
            return f"does not fit: {problem}"
        if outcome.faults:
            return f"proves nothing: {outcome.faults[0]}"
        if not outcome.failed:
            return "survives"
        return ""

    @contextmanager
    def _broken(self, each: Break) -> Iterator[None]:
        path = self._place / each.file
        whole = path.read_text()
        # of the same second and size, so that its octets would be taken for current
        compiled = Path(importlib.util.cache_from_source(str(path)))
        path.write_text(each.apply(whole))
        compiled.unlink(missing_ok=True)
        try:
            yield
        finally:
            path.write_text(whole)
            compiled.unlink(missing_ok=True)
