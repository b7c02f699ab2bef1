"""Tests that need a real device run in a child, in namespaces that die with it.

The child is alone in its network, mount and process namespaces, with an empty /run:
whatever happens to it, nothing of it is left.
"""

import functools
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[2]
DEADLINE = 60  # seconds
NAMESPACES = ["--net", "--mount", "--pid", "--mount-proc"]
UNSHARE = ["unshare", *NAMESPACES, "--fork", "--kill-child"]
EMPTY_RUN = ["sh", "-c", 'mount -t tmpfs tmpfs /run && exec "$@"', "sh"]


def in_namespace(test: Callable[[], None]) -> Callable[[], None]:
    """Run *test* in a child of its own; its failure is the test's."""
    module, name = test.__module__, test.__name__
    call = f"import {module} as test; test.{name}.__wrapped__()"

    @functools.wraps(test)
    def outside() -> None:
        child = subprocess.run(
            [*UNSHARE, *EMPTY_RUN, sys.executable, "-W", "error", "-c", call],
            cwd=ROOT,
            timeout=DEADLINE,
            capture_output=True,
            text=True,
            check=False,
        )
        assert child.returncode == 0, child.stdout + child.stderr

    return outside


def ip(command: str) -> None:
    """Run ip(8)."""
    subprocess.run(["ip", *command.split()], check=True)
