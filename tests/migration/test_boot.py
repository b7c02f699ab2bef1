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
