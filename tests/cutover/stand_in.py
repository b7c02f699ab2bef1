"""Programs that stand in front of real ones in PATH: they fail, or wait, at one word.

Only for steps that no state of the machine makes fail in time: their programs have
to work when they are looked at, and again when everything is put back.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from shutil import which

from appliance.lab.cell import ENVIRONMENT
from appliance.lab.patience import until

from .host import WITHIN
from .host import ZStackHost

FOLDER = "/run/first"


class StandIn:
    """One for the program *name*, which does *lines* at the first call with *word*."""

    def __init__(self, host: ZStackHost, name: str, word: str, lines: str) -> None:
        real = which(name, path=ENVIRONMENT["PATH"])
        self._folder = host.machine.path(FOLDER)
        self._folder.mkdir()
        os.mkfifo(self._folder / "door")
        program = self._folder / name
        program.write_text(
            f"#!/bin/sh\nreal={real}\n"
            f'case " $* " in *" {word} "*)\n'
            f"if mkdir {FOLDER}/reached 2>/dev/null; then\n{lines}\nfi;;\nesac\n"
            f'exec $real "$@"\n'
        )
        program.chmod(0o755)

    @property
    def environment(self) -> Mapping[str, str]:
        return {"PATH": f"{FOLDER}:{ENVIRONMENT['PATH']}"}

    def until_reached(self) -> None:
        reached: Path = self._folder / "reached"
        until(reached.exists, "it is called", within=WITHIN)

    def open(self) -> None:
        """Let it go on, which waits at `WAIT`; raises OSError if it does not."""
        door = os.open(self._folder / "door", os.O_WRONLY | os.O_NONBLOCK)
        os.write(door, b"\n")
        os.close(door)


WAIT = f"read line <>{FOLDER}/door"
"""Open for both: who opens the door finds it there from the first moment on."""
