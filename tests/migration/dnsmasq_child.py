"""Have dnsmasq answer: python -m tests.migration.dnsmasq_child < asked > answers.

Run in namespaces of its own, as tests/oracles/peer.py, whose link it has.  What is
asked is a list of [configuration, interfaces, frames]; what is answered is for each the
frames in hex, null for silence.
"""

import json
import subprocess
import sys
from collections.abc import Iterable
from collections.abc import Sequence
from pathlib import Path
from tempfile import mkdtemp

from tests.dhcp.namespace import EMPTY_RUN
from tests.dhcp.namespace import ROOT
from tests.dhcp.namespace import UNSHARE
from tests.dhcp.namespace import ip
from tests.oracles.peer import Link

Asked = tuple[str, Sequence[str], Sequence[bytes]]
Answers = list[bytes | None]


def ask_dnsmasq(asked: Iterable[Asked], within: float) -> list[Answers]:
    """Return what dnsmasq answers to each frame, with each configuration."""
    given = [(text, own, [f.hex() for f in frames]) for text, own, frames in asked]
    child = subprocess.run(
        [*UNSHARE, *EMPTY_RUN, sys.executable, "-m", __name__],
        cwd=ROOT,
        input=json.dumps(given),
        capture_output=True,
        text=True,
        timeout=within,
        check=False,
    )
    assert child.returncode == 0, child.stdout[-2_000:] + child.stderr[-4_000:]
    return [
        [None if each is None else bytes.fromhex(each) for each in answers]
        for answers in json.loads(child.stdout)
    ]


def _serve(
    link: Link, folder: Path, text: str, interfaces: Sequence[str], frames: list[str]
) -> list[str | None]:
    ip("addr flush dev inner0")
    for each in interfaces:
        ip(f"addr add {each} dev inner0")
    conf = folder / "conf"
    conf.write_text(text)
    words = ["dnsmasq", "-C", str(conf)]
    tried = subprocess.run([*words, "--test"], capture_output=True, check=False)
    assert tried.returncode == 0, f"{text}\n{tried.stderr.decode()}"
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(
            [*words, "-k", "-u", "root", "--log-facility=-"], stdout=log, stderr=log
        )
    try:
        link.started()
        answers = [link.ask(bytes.fromhex(each)) for each in frames]
    except BaseException:
        sys.stderr.write(text + (folder / "log").read_text()[-3_000:])
        raise
    finally:
        server.kill()
        server.wait()
    return [None if each is None else each.hex() for each in answers]


def main() -> None:
    link = Link()
    folder = Path(mkdtemp(dir="/run"))
    found = [_serve(link, folder, *each) for each in json.load(sys.stdin)]
    print(json.dumps(found))


if __name__ == "__main__":
    main()
