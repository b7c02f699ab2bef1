"""dhcp-boot becomes [dhcp.boot] (issue 6.6)."""

from appliance.migration.dnsmasq import read_dnsmasq
from appliance.migration.plan import NetworkPlan

from .given import Given

LIBVIRT = """\
interface=virbr0
dhcp-range=10.0.0.100,10.0.0.120,255.255.255.0
dhcp-option=3,10.0.0.1
"""


def plan_of(*lines: str) -> NetworkPlan:
    text = LIBVIRT + "".join(f"{line}\n" for line in lines)
    return read_dnsmasq(Given({"conf": text}), ["conf"])


def test_libvirts_bootp_is_everyones_file() -> None:
    """issue 6.6: <bootp file= server=> is one dhcp-boot without tags."""
    boot = plan_of("dhcp-boot=pxelinux.0,,10.0.0.4").settings["dhcp"]["boot"]
    assert boot["server"] == "10.0.0.4"
    assert boot["files"]["bios"] == "pxelinux.0"


def test_neutrons_port_has_its_two_stages_in_the_networks_table() -> None:
    """issue 6.6: extra_dhcp_opts of a port, told apart by ipxe; no binding of it has
    the first stage, which iPXE would load again."""
    plan = plan_of(
        "dhcp-match=set:ipxe,175",
        "dhcp-host=02:00:00:00:00:01,10.0.0.5,set:port-1",
        "dhcp-option=tag:port-1,tag:!ipxe,67,undionly.kpxe",
        "dhcp-option=tag:port-1,tag:ipxe,67,http://10.0.0.4/boot.ipxe",
        "dhcp-option=tag:port-1,option:server-ip-address,10.0.0.4",
    )
    boot = plan.settings["dhcp"]["boot"]
    assert boot["script"] == "http://10.0.0.4/boot.ipxe"
    assert boot["files"]["bios"] == "undionly.kpxe"
    assert boot["server"] == "10.0.0.4"
    (guest,) = plan.guests
    assert "67" not in guest.values.get("options", {})
    assert any("port-1 alone" in each.what for each in plan.notes)


def test_ipxe_is_told_its_script_and_firmware_its_file() -> None:
    """issue 6.6: two stages, told apart by option 175."""
    boot = plan_of(
        "dhcp-match=set:ipxe,175",
        "dhcp-boot=tag:!ipxe,undionly.kpxe,,10.0.0.4",
        "dhcp-boot=tag:ipxe,http://10.0.0.4/boot.ipxe,,10.0.0.4",
    ).settings["dhcp"]["boot"]
    assert boot["script"] == "http://10.0.0.4/boot.ipxe"
    assert boot["files"]["bios"] == "undionly.kpxe"


def test_a_file_for_all_but_ipxe_was_told_to_everyone() -> None:
    """issue 6.6: dnsmasq tells it a client that does not boot too; it is said."""
    two_stages = (
        "dhcp-match=set:ipxe,175",
        "dhcp-boot=tag:!ipxe,undionly.kpxe,,10.0.0.4",
    )
    for lines in (two_stages, ("dhcp-boot=pxelinux.0,,10.0.0.4",)):
        notes = [each.what for each in plan_of(*lines).notes]
        assert any("dnsmasq told everyone" in each for each in notes)
    script = (
        "dhcp-match=set:ipxe,175",
        "dhcp-boot=tag:ipxe,http://10.0.0.4/x,,10.0.0.4",
    )
    notes = [each.what for each in plan_of(*script).notes]
    assert not any("dnsmasq told everyone" in each for each in notes)


def test_files_that_dnsmasqs_own_host_has_are_said() -> None:
    """issue 6.6: a dhcp-boot without a server is dnsmasq's host's, which we may have
    left: the operator says who has the files."""
    own, other = plan_of("dhcp-boot=pxelinux.0"), plan_of("dhcp-boot=x,,10.0.0.4")
    assert any("set dhcp.boot.server" in each.what for each in own.notes)
    assert not any("set dhcp.boot.server" in each.what for each in other.notes)


def test_a_comma_in_quotes_is_part_of_a_menus_text() -> None:
    """issue 6.6: the file is the next word, and empty words keep their places."""
    services = plan_of('pxe-service=x86PC,"Wait, or press F8",pxelinux,10.0.0.4')
    assert services.settings["dhcp"]["boot"]["files"] == {"bios": "pxelinux.0"}
    named = plan_of("dhcp-boot=a.efi,,10.0.0.4").settings["dhcp"]["boot"]
    assert (named["server"], named["files"]["bios"]) == ("10.0.0.4", "a.efi")
