"""A `metalease host` that runs in a test's machine, and networks for it to keep."""

import json
from collections.abc import Awaitable
from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import pytest
import trio

from appliance import host
from appliance import links
from appliance.attachment import Attachment
from appliance.errors import SettingsError
from appliance.keeper import HostedNetwork
from dhcp.hardware import HardwareAddress
from tests.appliance.plumbing import js
from tests.appliance.plumbing import where

BELL = Path("/run/metalease/host.sock")
SECONDS = 10.0
ONE, TWO = IPv4Address("10.0.0.5"), IPv4Address("10.0.0.6")
MAC_ONE = HardwareAddress.parse("fa:16:3e:00:00:05")
MAC_TWO = HardwareAddress.parse("fa:16:3e:00:00:06")


class Network:
    """A network as `host` sees it, of which a test says what is bound."""

    def __init__(self, attachment: Attachment) -> None:
        self.attachment = attachment
        self.on_disk: dict[IPv4Address, HardwareAddress] = {}
        self.held_back: dict[IPv4Address, HardwareAddress] = {}
        self.asked: list[Sequence[str]] = []
        self.trouble = ""
        self._bound: dict[IPv4Address, HardwareAddress] = {}

    def bound(self) -> Mapping[IPv4Address, HardwareAddress]:
        return self._bound

    def refresh(self, macs: Sequence[str] | None) -> None:
        if self.trouble:
            raise SettingsError(self.attachment.network, self.trouble)
        if macs is not None:
            self.asked.append(macs)
        self._bound = dict(self.on_disk)

    def accept(self) -> None:
        self.on_disk = self.held_back


class Kept:
    """A `keep` that runs, and what it reported."""

    def __init__(self, *networks: Network) -> None:
        self.networks = {each.attachment.network: each for each in networks}
        self.reported: list[tuple[str, str]] = []

    def listed(self) -> Mapping[str, HostedNetwork]:
        return self.networks

    def report(self, name: str, text: str) -> None:
        self.reported.append((name, text))

    async def ring(self, **request: object) -> dict[str, Any]:
        # no bell.ring in a thread: a thread that waits in one test hangs the next
        # test's child, with trio 0.22 (H62)
        with trio.fail_after(SECONDS):
            async with await trio.open_unix_socket(BELL) as stream:
                await stream.send_all(json.dumps(request).encode() + b"\n")
                heard = b""
                while not heard.endswith(b"\n"):
                    piece = await stream.receive_some()
                    assert piece, f"hung up after {heard!r}"
                    heard += piece
        return dict(json.loads(heard))

    def run(self, scene: Callable[["Kept"], Awaitable[None]]) -> None:
        """Play *scene* while the host keeps."""

        async def main() -> None:
            async with trio.open_nursery() as nursery:

                async def keep(task_status: "trio.TaskStatus[None]") -> None:
                    await host.keep(
                        self.listed, BELL, report=self.report, task_status=task_status
                    )

                await nursery.start(keep)
                await scene(self)
                nursery.cancel_scope.cancel()

        trio.run(main)


async def until(
    condition: Callable[[], object], what: str, seconds: float = SECONDS
) -> None:
    """Ask again until *condition* holds; after *seconds* fail, saying what."""
    with trio.move_on_after(seconds):
        while not condition():  # noqa: ASYNC110 # the kernel sets no event of ours
            await trio.sleep(0.01)
        return
    pytest.fail(f"not in {seconds:g} s: {what}")


def neighbours_of(attachment: Attachment) -> dict[str, str]:
    at = where(attachment)
    inner = links.device(attachment)
    found = js(f"ip -j -n {at.namespace} neigh show dev {inner} nud permanent")
    return {each["dst"]: each["lladdr"] for each in found}
