"""`python -m benchmarks [--small] [NAME ...]`, as root: measure, leave nothing."""

import sys
from importlib import import_module

# few and short: the figures are worth nothing, but each way is gone once
SMALLER: dict[str, dict[str, object]] = {
    "put": {"TIMES": 2, "LARGE": 20},
    "start": {"TIMES": 1, "LARGE": 20},
    "change": {"TIMES": 1, "LARGE": 20},
    "dhcp": {"SIZES": (10,)},
    "dns": {"ROUNDS": 1, "SECONDS": 1, "LARGE": 20},
    "http": {"ROUNDS": 1, "SECONDS": 1, "MIDDLE": 20, "MANY": 30, "LARGE": 40},
    "storm": {"SIZES": (20,)},
    "cutover": {"TIMES": 1},
}


def main() -> int:
    words = sys.argv[1:]
    small = "--small" in words
    names = [word for word in words if word != "--small"] or [*SMALLER]
    for name in names:
        if name not in SMALLER:
            known = ", ".join(SMALLER)
            print(f"benchmarks: {name!r} is none of {known}", file=sys.stderr)
            return 2
    for name in names:
        module = import_module(f"benchmarks.{name}")
        for constant, value in SMALLER[name].items() if small else ():
            getattr(module, constant)  # there is one of that name
            setattr(module, constant, value)
        module.main()
    return 0


if __name__ == "__main__":
    sys.exit(main())
