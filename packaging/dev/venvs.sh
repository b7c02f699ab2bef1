#!/bin/sh
# Make a virtual environment for each Python that the tests run on, beside .venv:
# .venv-debian has Debian's libraries and test tools from PyPI, .venv-3.N the newest.
set -eu

[ -d .venv-debian ] || /usr/bin/python3 -m venv --system-site-packages .venv-debian
tools=$(.venv/bin/python - <<'END'
import tomllib
with open("pyproject.toml", "rb") as file:
    extras = tomllib.load(file)["project"]["optional-dependencies"]
print("\n".join(extras["test"]))
END
)
echo "$tools" | .venv-debian/bin/pip install --quiet --requirement /dev/stdin

# cloudbase-init, a client under test, whose libraries are none of ours
[ -d .venv-cloudbase ] || /usr/bin/python3 -m venv .venv-cloudbase
.venv-cloudbase/bin/pip install --quiet 'cloudbase-init>=1.1.9,<1.2'

# a python3.N of the PATH, or one that pyenv keeps
for minor in 12 13; do
	for python in "python3.$minor" \
		"${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.$minor.*/bin/python3; do
		if "$python" -c 'import venv' 2>/dev/null; then
			[ -d ".venv-3.$minor" ] || "$python" -m venv ".venv-3.$minor"
			".venv-3.$minor/bin/pip" install --quiet --editable '.[test]'
			break
		fi
	done
done
