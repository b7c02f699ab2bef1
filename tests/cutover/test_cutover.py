"""The cut-over on a host with the real dnsmasq and the real lighttpd."""

import pytest

from .host import NAMESPACE
from .host import ZStackHost

pytestmark = pytest.mark.machine


def test_ours_serve_in_their_place(host: ZStackHost) -> None:
    """issue 6.7: theirs stop, ours serve on the same addresses, a probe guest boots."""
    assert host.served_by() == "theirs"
    host.not_in_service.touch()
    code, said = host.cut_over()
    assert code == 0, said
    assert host.served_by() == "ours"
    assert host.programs() == []
    assert " ms without an answer" in said
    assert host.sh(f"ip netns pids {NAMESPACE}")
    now = host.as_it_is()
    assert now["names"] == [NAMESPACE]  # the probe guest is gone, with its binding
    assert now["bindings"] == ["fa163e000011.json"]
    assert not host.journal().exists()
    assert not host.not_in_service.exists()
    assert "-p IPv4 -j USERDATA" not in "\n".join(map(str, [now["ebtables"]]))


def test_the_host_keeps_what_is_in_service_alone(host: ZStackHost) -> None:
    """issue 6.7: while theirs serve, `metalease host` changes nothing of theirs."""
    host.not_in_service.touch()
    before = host.as_it_is()
    keeper = host.machine.start(["/run/bin/metalease", "host"])
    host.until_host_answers()
    assert host.as_it_is() == before
    assert host.served_by() == "theirs"
    host.bindings.parent.chmod(0o700)  # ours cannot read it
    code, said = host.cut_over()
    assert code == 1, said
    assert host.as_it_is() == before
    host.bindings.parent.chmod(0o755)
    code, said = host.cut_over()
    assert code == 0, said
    assert host.served_by() == "ours"
    assert keeper.poll() is None
