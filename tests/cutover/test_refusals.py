"""What is looked at first: a cut-over that cannot end well changes nothing."""

import json
from collections.abc import Callable

import pytest

from .host import FOLDER
from .host import NAMESPACE
from .host import ZStackHost

pytestmark = [pytest.mark.machine, pytest.mark.long]


def _rules(host: ZStackHost) -> None:
    file = host.installation.root / "etc/metalease/networks/n1.rules"
    file.write_text("url.rewrite-once = (\n")


def _stranger(host: ZStackHost) -> None:
    program = "import socket; s = socket.create_server(('169.254.169.254', 80))"
    wait = f"{program}; print('held', flush=True); s.accept()"
    words = ["ip", "netns", "exec", NAMESPACE, "/usr/bin/python3", "-c", wait]
    host.until_said(host.machine.start(words), "held")


def _full(host: ZStackHost) -> None:
    for number in range(3, 255):
        values = {"mac": f"fa:16:3e:00:01:{number:02x}", "ip": f"10.0.0.{number}"}
        if number != 11:
            name = f"fa163e0001{number:02x}.json"
            host.bindings.joinpath(name).write_text(json.dumps(values))


def _no_bridge(host: ZStackHost) -> None:
    file = host.installation.root / "etc/metalease/networks/n1.toml"
    file.write_text(file.read_text().replace('"br_eth0"', '"lo"'))


def _broken(host: ZStackHost) -> None:
    with host.machine.path(f"{FOLDER}/dnsmasq.conf").open("a") as file:
        file.write("no-such-word\n")


def _other_namespace(host: ZStackHost) -> None:
    second = host.installation.root / "run/metalease/netns/n1"
    second.parent.mkdir(parents=True)
    inside = "/run/lab/run/metalease/netns/n1"
    host.sh("ip netns add else", f"touch {inside}")
    host.sh(f"mount --bind /run/netns/else {inside}")


def _port(host: ZStackHost) -> None:
    host.sh("ip link add mlprobe7 type bridge")


def _namespace(host: ZStackHost) -> None:
    host.sh("ip netns add metalease-probe-n1")


CASES: dict[str, tuple[Callable[[ZStackHost], None], str]] = {
    "a rules file": (_rules, "n1.rules"),
    "a stranger": (_stranger, "tcp 169.254.169.254 port 80 is held by a program"),
    "no address": (_full, "every address of 10.0.0.0/24 is bound"),
    "no bridge": (_no_bridge, "lo is no Linux bridge"),
    "no way back": (_broken, "could not be started again, so it is not stopped"),
    "two namespaces": (_other_namespace, "is another namespace than"),
    "the probe's port": (_port, "needs its name: ip link del mlprobe7"),
    "the probe's": (_namespace, "needs its name: ip netns del metalease-probe-n1"),
}


@pytest.mark.parametrize("case", CASES)
def test_it_is_refused(host: ZStackHost, case: str) -> None:
    """issue 6.7: what is wrong before the first step is said, and nothing changes."""
    spoil, reason = CASES[case]
    spoil(host)
    before = host.as_it_is()
    code, said = host.cut_over()
    assert code == 1
    assert reason in said
    assert "Traceback" not in said
    assert host.as_it_is() == before
    assert not host.journal().exists()
    assert host.served_by() == "theirs"


def test_nothing_is_to_be_put_back(host: ZStackHost) -> None:
    """issue 6.7: --put-back without a cut-over that was killed says so."""
    code, said = host.cut_over("--put-back")
    assert code == 1
    assert "no cut-over is to be undone" in said


def test_it_is_done_already(host: ZStackHost) -> None:
    """issue 6.7: where ours serve nothing is stopped; where nobody does neither."""
    assert host.cut_over()[0] == 0
    code, said = host.cut_over()
    assert (code, "its daemon runs already" in said) == (1, True)
    host.end_ours()
    code, said = host.cut_over()
    assert (code, "no dnsmasq and no lighttpd of ZStack's" in said) == (1, True)


def test_it_is_of_this_host(host: ZStackHost) -> None:
    """issue 6.7: a cut-over of a copy of a host, or a dry one, is refused."""
    for words in (["/elsewhere"], ["--write"], ["--network", "n2"]):
        done = host.machine.run(
            ["/run/bin/metalease", "migrate", "zstack", *words, "--cutover", "n1"]
        )
        assert done.returncode == 1
        assert "--cutover: goes with no other word" in done.stderr
    assert host.served_by() == "theirs"
