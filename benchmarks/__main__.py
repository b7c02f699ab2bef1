"""`python -m benchmarks [NAME ...]`, as root: measure, print, leave nothing."""

import sys
from importlib import import_module

ALL = ("put", "start", "change", "dhcp", "dns", "http", "storm", "cutover")


def main() -> int:
    names = sys.argv[1:] or ALL
    for name in names:
        if name not in ALL:
            print(f"benchmarks: {name!r} is none of {', '.join(ALL)}", file=sys.stderr)
            return 2
    for name in names:
        import_module(f"benchmarks.{name}").main()
    return 0


if __name__ == "__main__":
    sys.exit(main())
