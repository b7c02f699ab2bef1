#!/bin/sh
# Run the suite on every Python that `make deps` prepared, and say on which.
set -eu

as_root=
[ "$(id -u)" = 0 ] || as_root=sudo

for venv in .venv .venv-debian .venv-3.12 .venv-3.13; do
	[ -d $venv ] || continue
	which="everything"
	marks=
	case $venv in
	.venv-debian) which="all but the fuzzers and the longest" marks="not fuzz and not long" ;;
	.venv-3.*) which="what needs no root" marks="not machine and not fuzz" ;;
	esac
	$venv/bin/python - "$which" <<'END'
import sys
from importlib.metadata import version
names = ("trio", "pyroute2", "dnslib", "toml", "prometheus_client", "pycdlib")
found = ", ".join(f"{name} {version(name)}" for name in names)
print(f"== {sys.argv[1]} on Python {sys.version.split()[0]} with {found}", flush=True)
END
	$as_root $venv/bin/python "$@" ${marks:+-m "$marks"}
done
