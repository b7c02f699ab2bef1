#!/bin/sh
# Run the suite on every Python that `make deps` prepared, and say on which.
#
# What needs a processor runs beside what mostly waits: the tests without root and the
# fuzzers beside the machine tests, and then those with Debian's libraries.  Its output
# comes at the end.
set -eu

niceness=0
as_root=
[ "$(id -u)" = 0 ] || as_root=sudo

run() { # VENV WHICH MARKS PYTEST...
	venv=$1 which=$2 marks=$3
	shift 3
	[ -d "$venv" ] || return 0
	"$venv/bin/python" - "$which" <<'END'
import sys
from importlib.metadata import version
names = ("trio", "pyroute2", "dnslib", "toml", "prometheus_client", "pycdlib")
found = ", ".join(f"{name} {version(name)}" for name in names)
print(f"== {sys.argv[1]} on Python {sys.version.split()[0]} with {found}", flush=True)
END
	# a shell's background jobs ignore Ctrl-C, which is tested
	$as_root nice -n "$niceness" "$venv/bin/python" -c '
import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
' "$@" -m "$marks"
}

beside() {
	niceness=15 wrong=
	run .venv "what needs no machine" "not machine and not fuzz" "$@" || wrong=yes
	for venv in .venv-debian .venv-3.12 .venv-3.13; do
		run $venv "what needs no machine and is not long" \
			"not machine and not fuzz and not long" "$@" || wrong=yes
	done
	run .venv "the fuzzers" "fuzz" "$@" || wrong=yes
	niceness=0
	run .venv-debian "what needs a machine and is not long" \
		"machine and not fuzz and not long" "$@" || wrong=yes
	[ -z "$wrong" ]
}

mkdir -p build
beside "$@" >build/beside.log 2>&1 &
other=$!
failed=
run .venv "what needs a machine" "machine and not fuzz" "$@" || failed=yes
wait $other || failed=yes
cat build/beside.log
[ -z "$failed" ]
