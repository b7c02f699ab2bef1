"""What guests write back, and documents that are being written, on the wire."""

import signal

import pytest
import trio

from appliance.lab.installation import Installation
from appliance.lab.machine import Machine
from appliance.lab.patience import until

from .imds import METADATA
from .imds import bind
from .imds import configure
from .imds import mac_of
from .imds import plug
from .packets import Wire

pytestmark = pytest.mark.machine

PASSWORD = "/openstack/2013-04-04/password"
WITHIN = 20.0  # seconds
CLIENT = """
from cloudinit.sources.DataSourceCloudStack import CloudStackPasswordServerClient
print(CloudStackPasswordServerClient("10.0.0.2").get_password())
"""


def test_each_guest_has_its_own(machine: Machine, installation: Installation) -> None:
    """issue 5.5: a password is its writer's alone, is kept over a restart, and goes
    with the binding: with `rm`, and with a file that is removed by hand."""
    daemon = installation.start("n1")
    guests = [plug(machine, number) for number in (11, 12)]
    for number in (11, 12):
        bind(installation, number)
        curl = ["curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}"]
        curl += ["-d", f"secret-{number}", METADATA + PASSWORD]
        for status in ("200", "409"):
            assert guests[number - 11].run(curl).stdout == status
    daemon.process.signal(signal.SIGTERM)
    assert daemon.process.wait(WITHIN) == 0, daemon.log()
    daemon = installation.start("n1")
    for number, guest in zip((11, 12), guests, strict=True):
        assert guest.get(METADATA + PASSWORD).stdout == f"secret-{number}"
    spool = installation.root / "var/lib/metalease/n1/spool"
    assert len(list(spool.iterdir())) == 2
    installation.succeed("rm", "n1", "10.0.0.11")
    assert [each.name for each in spool.iterdir()] == ["10.0.0.12"]
    bindings = installation.root / "var/lib/metalease/n1/bindings"
    (bindings / f"{mac_of(12).replace(':', '')}.json").unlink()
    until(
        lambda: not list(spool.iterdir()),
        "the spool is cleared",
        within=WITHIN,
        log=daemon.log,
    )
    bind(installation, 12)
    assert guests[1].get(METADATA + PASSWORD).stdout == ""


def test_cloudstacks_password(machine: Machine, installation: Installation) -> None:
    """clients C42: cloud-init's own client gets the password and says so, once."""
    configure(installation, '[metadata]\npresets = ["cloudstack"]\n')
    installation.start("n1")
    guest = plug(machine, 11)
    bind(installation, 11, "--admin-pass", "s3cret")
    asked = ["/usr/bin/python3", "-c", CLIENT]
    assert guest.run(asked).stdout == "s3cret\n"
    assert guest.run(asked).stdout == "None\n"


def test_openstack_waits_for_whole_documents(
    machine: Machine, installation: Installation
) -> None:
    """clients C40, issue 5.4: a request below /openstack is held until the marker is
    gone, while others have 503 with Retry-After: 1."""
    installation.start("n1")
    guest = plug(machine, 11)
    bind(installation, 11)
    own = installation.root / "var/lib/metalease/n1/metadata/10.0.0.11"
    own.mkdir(exist_ok=True)
    marker = own / ".writing"
    marker.touch()
    with Wire(guest) as wire:
        status, _ = wire.get("/latest/user-data")
        assert status == 503

        async def ask() -> list[int]:
            statuses: list[int] = []

            async def held() -> None:
                found = await trio.to_thread.run_sync(wire.get, "/openstack")
                statuses.append(found[0])

            async with trio.open_nursery() as nursery:
                nursery.start_soon(held)
                other = await trio.to_thread.run_sync(wire.get, "/latest/user-data")
                assert other[0] == 503
                assert statuses == []
                (own / "user-data").write_bytes(b"whole")
                marker.unlink()
            return statuses

        assert trio.run(ask) == [200]
        assert wire.get("/openstack/latest/user_data") == (200, "whole")
