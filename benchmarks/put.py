"""What a put costs, beside what Python itself costs."""

import os
import tempfile
import time
from dataclasses import dataclass
from dataclasses import field

from appliance.lab.installation import PACKAGES

from .bench import ASKING
from .bench import LARGE
from .bench import SMALL
from .bench import address
from .bench import room
from .bench import show

TIMES = 15
# as a package starts it: Debian's python, no user's site, no PYTHON* variables
PYTHON = "/usr/bin/python3"
SCRIPT = (
    f"import sys; sys.path.insert(0, {str(PACKAGES)!r});"
    " from appliance.cli import main; sys.exit(main())"
)
QUIET = [(os.POSIX_SPAWN_OPEN, each, os.devnull, os.O_WRONLY, 0) for each in (1, 2)]


@dataclass(slots=True)
class Cost:
    """Milliseconds of each run."""

    wall: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)

    def row(self) -> list[object]:
        return [self.wall, min(self.wall), self.processor, min(self.processor)]

    def run(self, code: str, words: list[str], environment: dict[str, str]) -> None:
        prefix = f"pycache_prefix={environment['BYTECODE']}"
        argv = [PYTHON, "-sE", "-X", prefix, "-c", code, *words]
        started = time.perf_counter()
        process = os.posix_spawn(argv[0], argv, environment, file_actions=QUIET)
        _, _, used = os.wait4(process, 0)
        self.wall.append((time.perf_counter() - started) * 1e3)
        self.processor.append((used.ru_utime + used.ru_stime) * 1e3)


def main() -> None:
    os.sched_setaffinity(0, {ASKING})
    costs: dict[str, Cost] = {}
    with room() as here, tempfile.TemporaryDirectory() as bytecode:
        environment = {
            "BYTECODE": bytecode,
            "METALEASE_ROOT": str(here.root),
        }

        def put(cost: Cost, number: int) -> None:
            words = ["put", "n1", address(5), "--hostname", f"web-{number}"]
            cost.run(SCRIPT, words, environment)

        for count in (SMALL, LARGE):
            here.fill(count)
            daemon = here.start()
            put(Cost(), 0)  # compiles
            up = costs.setdefault(f"put, {count:,} bindings, daemon up", Cost())
            bare = costs.setdefault('python3 -c "pass"', Cost())
            floor = costs.setdefault('python3 -c "import argparse, json"', Cost())
            for number in range(TIMES):
                put(up, number + 1)
                bare.run("pass", [], environment)
                floor.run("import argparse, json", [], environment)
            here.end(daemon)
            down = costs.setdefault(f"put, {count:,} bindings, daemon down", Cost())
            for number in range(TIMES):
                put(down, number)
    header = ["ms of a process", "wall", "least", "processor", "least"]
    show("put", header, [[name, *cost.row()] for name, cost in costs.items()])


if __name__ == "__main__":
    main()
