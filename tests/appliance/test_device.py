"""Container mode: a device that somebody else made, in the current namespace."""

import os

import pytest

from appliance import links
from appliance.attachment import Attachment
from appliance.attachment import Device
from appliance.errors import SettingsError
from tests.appliance.plumbing import in_machine
from tests.appliance.plumbing import js
from tests.appliance.plumbing import killed
from tests.appliance.plumbing import network
from tests.appliance.plumbing import sh

N1 = network("n1")


class TestDevice:
    """Container mode: a device that somebody else made, in the current namespace."""

    EXPECTED = Attachment("n1", Device("eth0"), N1.addresses, N1.subnets)

    @in_machine
    def test_addresses_and_settings(self) -> None:
        """`up` adds our addresses and settings to it, and takes nothing away."""
        sh("ip link add eth0 up type veth peer name wire")
        sh("ip addr add 10.0.0.77/24 dev eth0; sysctl -w net.ipv4.ip_forward=1")
        said = "; ".join(links.check(self.EXPECTED))
        assert "eth0 lacks 10.0.0.2/24" in said
        assert "net.ipv4.conf.eth0.arp_ignore is 0, not 1" in said
        links.up(self.EXPECTED)
        assert links.check(self.EXPECTED) == []
        assert links.device(self.EXPECTED) == "eth0"
        assert addresses_of("eth0") == {"10.0.0.77", "10.0.0.2", "169.254.169.254"}
        assert sh("sysctl -n net.ipv4.ip_forward").strip() == "1"  # the container's own
        assert sh("sysctl -n net.ipv4.conf.eth0.forwarding").strip() == "0"

    @in_machine
    def test_down(self) -> None:
        """`down` removes our addresses, twice as once, and no other."""
        sh(
            "ip link add eth0 up type veth peer name wire"
            "; ip addr add 10.9.0.1/24 dev eth0"
        )
        links.up(self.EXPECTED)
        links.down(self.EXPECTED)
        links.down(self.EXPECTED)
        assert addresses_of("eth0") == {"10.9.0.1"}

    @in_machine
    def test_no_device(self) -> None:
        """A device that is not there is named."""
        with pytest.raises(
            SettingsError, match="device eth0: is not in this namespace"
        ):
            links.up(self.EXPECTED)
        assert links.check(self.EXPECTED) == ["device eth0: is not in this namespace"]
        links.down(self.EXPECTED)

    @in_machine
    def test_no_privilege(self) -> None:
        """Without CAP_NET_ADMIN `up` fails, and `check` says what is lost.

        What somebody else has set up already needs no privilege.
        """
        sh("ip link add eth0 up type veth peer name wire")

        def refused() -> None:
            os.setresuid(65534, 65534, 65534)
            with pytest.raises(SettingsError, match=r"addresses: .*CAP_NET_ADMIN"):
                links.up(self.EXPECTED)
            assert "--cap-add NET_ADMIN" in links.check(self.EXPECTED)[-1]

        killed(refused)
        links.up(self.EXPECTED)

        def content() -> None:
            os.setresuid(65534, 65534, 65534)
            links.up(self.EXPECTED)
            (only,) = links.check(self.EXPECTED)
            assert "--cap-add NET_ADMIN" in only

        killed(content)

    @in_machine
    def test_settings_that_are_read_only(self) -> None:
        """In a container /proc/sys may be read-only: addresses come first."""
        sh("ip link add eth0 up type veth peer name wire")
        sh("mount --bind /proc/sys /proc/sys; mount -o remount,ro,bind /proc/sys")
        with pytest.raises(SettingsError, match=r"settings: .*writable /proc/sys"):
            links.up(self.EXPECTED)
        assert addresses_of("eth0") == {"10.0.0.2", "169.254.169.254"}


def addresses_of(device: str) -> set[str]:
    (found,) = js(f"ip -j -4 addr show {device}")
    return {each["local"] for each in found["addr_info"]}
