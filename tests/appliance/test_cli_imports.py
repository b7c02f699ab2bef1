"""What runs once per VM imports nothing that only a daemon needs (issue 3, speed)."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGES = Path(__file__).parents[2]
HEAVY = {"trio", "pyroute2", "dnslib", "prometheus_client", "asyncio", "attr", "ssl"}
ADDRESS = "10.0.0.11"
NETWORK = b"""\
[network]
subnet = "10.0.0.0/24"
gateway = "10.0.0.1"
dhcp_address = "10.0.0.2"

[attach]
bridge = "br0"
"""
MODULES = """
import json, sys
from appliance.cli import main
try:
    code = main(sys.argv[1:])
except SystemExit as ended:  # of argparse, after --help
    code = ended.code
print(json.dumps([code, *sorted({each.partition(".")[0] for each in sys.modules})]))
"""

COMMANDS = {
    "put": ["put", "n1", ADDRESS, "--user-data", "-"],
    "put, changed": ["put", "n1", ADDRESS, "--hostname", "web-1"],
    "ls": ["ls", "n1"],
    "ls --json": ["ls", "n1", "--json"],
    "show": ["show", "n1", ADDRESS],
    "file put": ["file", "put", "n1", ADDRESS, "user-data"],
    "file get": ["file", "get", "n1", ADDRESS, "user-data"],
    "file ls": ["file", "ls", "n1", ADDRESS],
    "file rm": ["file", "rm", "n1", ADDRESS, "user-data"],
    "rm": ["rm", "n1", ADDRESS],
    "status": ["status"],
    "help": ["put", "--help"],
}
RAN = (0, 3)  # exit codes: done; written, and no daemon is there to be told


def run(root: Path, program: str, *words: str) -> "subprocess.CompletedProcess[bytes]":
    return subprocess.run(
        [sys.executable, "-c", program, "--root", str(root), *words],
        input=NETWORK,
        capture_output=True,
        cwd=PACKAGES,
    )


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A root with a network and a binding, and no daemon."""
    only = "import sys; from appliance.cli import main; sys.exit(main())"
    assert run(tmp_path, only, "net", "add", "n1", "-").returncode == 0
    named = ("--mac", "fa:16:3e:00:00:11", "--user-data", "-")
    assert run(tmp_path, only, "put", "n1", ADDRESS, *named).returncode in RAN
    return tmp_path


@pytest.mark.parametrize("words", COMMANDS.values(), ids=COMMANDS)
def test_a_command_imports_nothing_heavy(words: list[str], root: Path) -> None:
    """No trio, pyroute2, dnslib or prometheus_client, also not while it runs."""
    done = run(root, MODULES, *words)
    code, *modules = json.loads(done.stdout.splitlines()[-1])
    assert code in RAN, done.stderr
    assert "appliance" in modules
    assert HEAVY.isdisjoint(modules)
