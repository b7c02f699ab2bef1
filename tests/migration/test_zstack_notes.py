"""What the report of a ZStack host says, and what it need not say (issue 6.6)."""

from appliance.migration.plan import CHANGES
from appliance.migration.zstack import read_zstack

from .given import Given
from .test_zstack import LIGHTTPD
from .test_zstack import NAMESPACE
from .test_zstack import files
from .test_zstack import links


def test_our_address_is_the_namespaces_and_stays_there() -> None:
    """issue 6.6, zstack 1.1: innerN has it; nobody has to take it off."""
    host = Given(files(), links(), addresses=("10.0.0.2/24",))
    plan = read_zstack(host, NAMESPACE)
    assert plan.settings["network"]["dhcp_address"] == "10.0.0.2"
    assert not any("take it off" in each.what for each in plan.notes)


def test_an_upstream_that_has_a_name_is_said() -> None:
    """issue 6.1, 6.6: it is looked up at each request, by the host."""
    named = LIGHTTPD.replace(
        '"169.254.64.1", "port" => 7070', '"agents", "port" => 7070'
    )
    plan = read_zstack(Given(files(lighttpd_conf=named), links()), NAMESPACE)
    said = [each for each in plan.notes if "is looked up by this host" in each.what]
    assert [each.kind for each in said] == [CHANGES]
    assert "agents" in said[0].what


def test_bootp_is_answered_as_zstacks_dnsmasq_did() -> None:
    """issue 6.6: nothing there tells it off."""
    plan = read_zstack(Given(files(), links()), NAMESPACE)
    assert plan.settings["dhcp"]["bootp"] is True
