"""The bell of `metalease host`: neighbours in force when it has answered."""

from contextlib import ExitStack
from ipaddress import IPv4Address

import pytest

from appliance import host
from appliance import links
from appliance import neighbours
from appliance.errors import SettingsError
from dhcp.hardware import HardwareAddress
from tests.appliance.kept import BELL
from tests.appliance.kept import MAC_ONE
from tests.appliance.kept import MAC_TWO
from tests.appliance.kept import ONE
from tests.appliance.kept import TWO
from tests.appliance.kept import Kept
from tests.appliance.kept import Network
from tests.appliance.kept import neighbours_of
from tests.appliance.kept import until
from tests.appliance.plumbing import bridge
from tests.appliance.plumbing import in_machine
from tests.appliance.plumbing import network

N1 = network("n1")
N2 = network("n2", subnet="10.0.1.0/24")


class TestBell:
    @in_machine
    def test_apply(self) -> None:
        """When the bell has answered, the neighbours of those MACs are in force."""
        bridge()
        one = Network(N1)

        async def apply(kept: Kept, *macs: HardwareAddress) -> dict[str, str]:
            names = [mac.digits for mac in macs]
            assert await kept.ring(op="apply", network="n1", macs=names) == {"ok": True}
            return neighbours_of(N1)

        async def scene(kept: Kept) -> None:
            one.on_disk = {ONE: MAC_ONE}
            assert await apply(kept, MAC_ONE) == {str(ONE): str(MAC_ONE)}
            one.on_disk = {TWO: MAC_ONE}  # another address
            assert await apply(kept, MAC_ONE) == {str(TWO): str(MAC_ONE)}
            one.on_disk = {TWO: MAC_TWO}  # the address is another's
            assert await apply(kept, MAC_ONE) == {str(TWO): str(MAC_TWO)}
            one.on_disk = {}
            assert await apply(kept, MAC_TWO) == {}
            one.on_disk = {ONE: MAC_ONE, TWO: MAC_TWO}
            assert await kept.ring(op="apply", network="n1") == {"ok": True}
            assert len(neighbours_of(N1)) == 2
            assert ["fa163e000006"] in one.asked

        Kept(one).run(scene)

    @in_machine
    def test_without_a_bell(self) -> None:
        """Bindings that were dropped by hand are followed within a second or two."""
        bridge()
        one = Network(N1)

        async def scene(kept: Kept) -> None:
            one.on_disk = {ONE: MAC_ONE}
            await until(lambda: neighbours_of(N1), "followed", host.TICK_SECONDS * 3)

        Kept(one).run(scene)

    @in_machine
    def test_accept(self) -> None:
        """`accept` brings a removal that was held back into force."""
        bridge()
        one = Network(N1)
        one.on_disk = {ONE: MAC_ONE}

        async def scene(kept: Kept) -> None:
            assert len(neighbours_of(N1)) == 1
            assert await kept.ring(op="accept", network="n1") == {"ok": True}
            assert neighbours_of(N1) == {}

        Kept(one).run(scene)

    @in_machine
    def test_an_added_network(self) -> None:
        """A network that was added a moment ago is made before the bell answers."""
        bridge()

        async def scene(kept: Kept) -> None:
            kept.networks["n2"] = Network(N2)
            assert await kept.ring(op="apply", network="n2") == {"ok": True}
            assert links.check(N2) == []

        Kept(Network(N1)).run(scene)

    @in_machine
    def test_refused(self) -> None:
        """What the bell does not know is refused, with the reason; it goes on."""
        bridge()

        async def scene(kept: Kept) -> None:
            for request in (
                {},
                {"op": "open"},
                {"op": "apply"},
                {"op": "apply", "network": 7},
                {"op": "apply", "network": "n1", "macs": "fa163e000005"},
            ):
                answer = await kept.ring(**request)
                assert "none that this bell knows" in answer["error"], request
            answer = await kept.ring(op="apply", network="n9")
            assert answer["error"] == "network n9: is not kept here"
            for mac in ("x", 5):
                answer = await kept.ring(op="apply", network="n1", macs=[mac])
                assert f"'{mac}' is not a MAC" in answer["error"]
            assert await kept.ring(op="ping") == {"ok": True}

        Kept(Network(N1)).run(scene)

    @in_machine
    def test_a_second_host(self) -> None:
        """A second `metalease host` is refused before it touches anything."""
        bridge()

        async def scene(kept: Kept) -> None:
            with pytest.raises(SettingsError, match="another one listens there"):
                await host.keep(kept.listed, BELL, report=kept.report)
            assert await kept.ring(op="ping") == {"ok": True}

        Kept(Network(N1)).run(scene)

    @in_machine
    def test_ten_thousand(self) -> None:
        """A put among 10,000 bindings changes one entry."""
        bridge()
        one = Network(N1)
        first = int(IPv4Address("10.0.0.10"))
        one.on_disk = {
            IPv4Address(first + n): HardwareAddress(b"\xfa" + n.to_bytes(5, "big"))
            for n in range(10_000)
        }

        async def scene(kept: Kept) -> None:
            assert len(neighbours_of(N1)) == 10_000
            one.on_disk = {**one.on_disk, ONE: MAC_ONE}
            with ExitStack() as stack:
                patch = stack.enter_context(pytest.MonkeyPatch.context())
                changes: list[neighbours.Change] = []
                change = neighbours.change

                def seen(index: int, needed: neighbours.Change) -> None:
                    changes.append(needed)
                    change(index, needed)

                patch.setattr(neighbours, "change", seen)
                answer = await kept.ring(
                    op="apply", network="n1", macs=[MAC_ONE.digits]
                )
            assert answer == {"ok": True}
            # a look at all of them in between finds nothing to change
            made = [each for each in changes if each]
            assert made == [neighbours.Change({ONE: MAC_ONE}, frozenset())]
            assert neighbours_of(N1)[str(ONE)] == str(MAC_ONE)

        Kept(one).run(scene)
