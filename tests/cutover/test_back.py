"""Everything as it was: an error, a signal or a kill at any step of a cut-over."""

import signal
from collections.abc import Callable

import pytest

from .afterwards import is_as_it_was
from .host import FOLDER
from .host import ZStackHost

pytestmark = [pytest.mark.machine, pytest.mark.long]


def _unreadable(host: ZStackHost) -> None:
    host.bindings.chmod(0o700)


def _other_documents(host: ZStackHost) -> None:
    file = host.installation.root / "etc/metalease/networks/n1.toml"
    file.write_text(file.read_text().replace('"zstack", "ec2"', '"nocloud"'))


FAILURES: dict[str, tuple[Callable[[ZStackHost], None], str]] = {
    "ours do not start": (_unreadable, "cannot read it"),
    "the wrong documents": (_other_documents, "at port 80 gives 404"),
}


@pytest.mark.parametrize("case", FAILURES)
def test_a_failure(host: ZStackHost, case: str) -> None:
    """issue 6.7: whatever fails, theirs serve again and all is as it was."""
    spoil, reason = FAILURES[case]
    spoil(host)
    before = host.as_it_is()
    code, said = host.cut_over()
    assert code == 1
    assert reason in said
    is_as_it_was(host, before, said)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal(host: ZStackHost, number: signal.Signals) -> None:
    """issue 6.7: Ctrl-C, SIGTERM and a lost terminal put everything back."""
    before = host.as_it_is()
    host.stall_the_probe()
    process = host.start()
    host.until_said(process, "started")
    process.signal(number)
    process.signal(number)  # a second one changes nothing
    assert process.wait(60) == 1
    assert f"ended by {number.name}" in process.output()
    host.release_the_probe()
    is_as_it_was(host, before, process.output())


def test_ours_are_killed(host: ZStackHost) -> None:
    """issue 6.7: a probe guest that gets no answer is a failure like any other."""
    before = host.as_it_is()
    host.stall_the_probe()
    process = host.start()
    host.until_said(process, "started")
    host.end_ours()
    assert process.wait(60) == 1
    assert "no OFFER in 10 s" in process.output()
    host.release_the_probe()
    is_as_it_was(host, before, process.output())


@pytest.mark.parametrize("words", [(), ("--put-back",)])
@pytest.mark.parametrize("step", ["journal", "stopped", "started"])
def test_a_kill(host: ZStackHost, step: str, words: tuple[str, ...]) -> None:
    """issue 6.7: after a kill -9 the next call, or --put-back, puts all back."""
    before = host.as_it_is()
    host.stall_the_probe()
    process = host.start()
    if step == "journal":
        host.until_journal()
    else:
        host.until_said(process, step)
    process.kill()
    host.release_the_probe()
    code, said = host.cut_over(*words)
    assert code == (0 if words else 1), said
    is_as_it_was(host, before, said)
    code, said = host.cut_over()
    assert code == 0, said
    assert host.served_by() == "ours"


def test_theirs_do_not_start_again(host: ZStackHost) -> None:
    """issue 6.7: what cannot be put back is said; mended, --put-back does the rest."""
    before = host.as_it_is()
    host.stall_the_probe()
    process = host.start()
    host.until_said(process, "started")
    conf = host.machine.path(f"{FOLDER}/dnsmasq.conf")
    text = conf.read_text()
    conf.write_text(text + "no-such-word\n")
    process.signal(signal.SIGINT)
    assert process.wait(60) == 1
    assert "not put back: dnsmasq: does not start again" in process.output()
    assert "metalease migrate zstack --put-back n1" in process.output()
    host.release_the_probe()
    conf.write_text(text)
    code, said = host.cut_over("--put-back")
    assert code == 0, said
    is_as_it_was(host, before, said)
