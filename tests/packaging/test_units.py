"""The systemd units say only what systemd understands."""

import shutil
import subprocess
from pathlib import Path

UNITS = Path(__file__).parents[2] / "packaging/systemd"
# an instance is verified: a template alone would hide what %i becomes
NAMES = {
    "metalease-host.service": "metalease-host.service",
    "metalease-forward.service": "metalease-forward.service",
    "metalease-exporter.service": "metalease-exporter.service",
    "metalease-agent.service": "metalease-agent.service",
    "metalease@.service": "metalease@net1.service",
}


def test_systemd_has_nothing_to_say(tmp_path: Path) -> None:
    """`systemd-analyze verify` is silent: unknown keys and bad values are printed."""
    program = tmp_path / "metalease"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    for name in NAMES:
        text = (UNITS / name).read_text()
        (tmp_path / name).write_text(text.replace("/usr/bin/metalease", str(program)))
    instances = [tmp_path / name for name in NAMES.values()]
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *map(str, instances)],
        env={"SYSTEMD_UNIT_PATH": f"{tmp_path}:", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_every_unit_is_verified() -> None:
    assert {path.name for path in UNITS.glob("*.service")} == set(NAMES)
    assert shutil.which("systemd-analyze"), "run `make deps`"
