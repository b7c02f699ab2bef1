"""`metalease put`: one command binds, and says what the guest is told."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.appliance.house import House
from tests.appliance.house import Said
from tests.appliance.house import ip
from tests.appliance.house import mac

M5 = ("--mac", str(mac(5)))
METALEASE = (sys.executable, "-m", "appliance.cli")
DOWN = "its daemon is not running and will find it: metalease run n1\n"


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House.build(tmp_path)


def values(house: House, number: int = 5) -> Any:
    return json.loads(house.file(number).read_bytes())


def put(house: House, *words: object, stdin: bytes = b"") -> Said:
    return house.metalease("put", "n1", *words, stdin=stdin)


def refused(said: Said) -> str:
    """Return the one line that says why."""
    assert said.code == 1
    assert said.err.count("\n") == 1
    return said.err.removeprefix("metalease: ").rstrip("\n")


def test_a_new_binding_in_force(house: House) -> None:
    """Exit code 0: written, and the daemon has it."""
    with house.running() as control:
        assert put(house, ip(5), *M5) == Said(0, "", "")
        found = control.state.at(ip(5))
    assert found is not None
    assert values(house) == {"mac": "fa:16:3e:00:00:05", "ip": "10.0.0.5"}


def test_without_a_daemon_it_stays_written(house: House) -> None:
    """Exit code 3: what was written stays written, and it says so."""
    said = put(house, ip(5), *M5)
    assert said == Said(
        3,
        "",
        "metalease: network n1: fa:16:3e:00:00:05 is bound to 10.0.0.5 on disk; "
        + DOWN,
    )
    assert values(house)["ip"] == "10.0.0.5"


def test_everything_that_can_be_said(house: House, tmp_path: Path) -> None:
    key = tmp_path / "key.pub"
    key.write_text("ssh-ed25519 AAAA ops\n")
    said = """--hostname web --instance-id i-1 --gateway 10.0.0.9 --domain n.example
        --lease-time 1h --client-id 0102 --admin-pass pw --mtu 1400 --prefix 25
        --dns 10.0.0.53 --dns 10.0.0.54 --option 42=10.0.0.3 --meta role=web
        --no-default --metadata-route yes"""
    more = ("--route", "10.9.0.0/16 via 10.0.0.9", "--ssh-key", f"ops={key}")
    assert put(house, ip(5), *M5, *said.split(), *more).code == 3
    assert values(house) == {
        "mac": "fa:16:3e:00:00:05",
        "ip": "10.0.0.5",
        "hostname": "web",
        "instance_id": "i-1",
        "gateway": "10.0.0.9",
        "domain": "n.example",
        "lease_time": "1h",
        "client_id": "0102",
        "admin_pass": "pw",
        "mtu": 1400,
        "prefix": 25,
        "dns": ["10.0.0.53", "10.0.0.54"],
        "routes": ["10.9.0.0/16 via 10.0.0.9"],
        "default_network": False,
        "metadata_route": True,
        "options": {"42": "10.0.0.3"},
        "meta": {"role": "web"},
        "public_keys": {"ops": "ssh-ed25519 AAAA ops"},
    }


def test_what_is_given_changes_and_the_rest_stays(house: House) -> None:
    put(house, ip(5), *M5, "--hostname", "web", "--mtu", 1400)
    put(house, ip(5), "--hostname", "db")
    assert values(house) == {
        "mac": "fa:16:3e:00:00:05",
        "ip": "10.0.0.5",
        "hostname": "db",
        "mtu": 1400,
    }


def test_the_same_again_changes_nothing(house: House) -> None:
    """Nor the files' times: whoever watches them sees no change."""
    words = (ip(5), *M5, "--hostname", "web", "--user-data", "-")
    put(house, *words, stdin=b"#!/bin/sh\n")
    document = house.files.metadata / "10.0.0.5/user-data"
    before = [each.stat() for each in (house.file(5), document)]
    put(house, *words, stdin=b"#!/bin/sh\n")
    assert [each.stat() for each in (house.file(5), document)] == before


def test_unset(house: House) -> None:
    put(house, ip(5), *M5, "--hostname", "web", "--instance-id", "i-1")
    put(house, ip(5), "--unset", "hostname", "--unset", "instance-id")
    assert values(house).keys() == {"mac", "ip"}
    assert put(house, ip(5), "--unset", "mtu").code == 3  # it is not set: as asked for
    assert refused(put(house, ip(5), "--unset", "hostnme")) == (
        "--unset: 'hostnme' is no key: did you mean 'hostname'?"
    )
    assert refused(put(house, ip(5), "--unset", "mac")).endswith("mac: is missing")


def test_unset_heals_a_key_that_nobody_knows(house: House) -> None:
    house.bind(5, hostnme="web")
    assert "hostnme: is not a known key" in refused(put(house, ip(5), "--mtu", 1400))
    assert put(house, ip(5), "--unset", "hostnme").code == 3
    assert values(house).keys() == {"mac", "ip"}


@pytest.mark.parametrize("running", [False, True])
def test_an_address_that_another_has(house: House, running: bool) -> None:
    """dhcp 14: refused with both names, and nothing is written."""
    house.bind(6, ip="10.0.0.5")
    if running:
        with house.running():
            said = put(house, ip(5), *M5)
    else:
        said = put(house, ip(5), *M5)
    assert refused(said) == (
        "put 10.0.0.5: it is bound to fa:16:3e:00:00:06, not to fa:16:3e:00:00:05:"
        " remove that binding first"
    )
    assert not house.file(5).exists()


def test_a_client_id_that_another_has(house: House) -> None:
    """dhcp 13, 14: refused before anything is written."""
    house.bind(6, client_id="0102")
    assert refused(put(house, ip(5), *M5, "--client-id", "0102")) == (
        "--client-id: 0102 is bound to fa:16:3e:00:00:06, not to fa:16:3e:00:00:05:"
        " remove that binding first"
    )
    assert not house.file(5).exists()
    assert put(house, ip(6), "--client-id", "0102").code == 3


def test_a_mac_that_moves_takes_its_documents_along(house: House) -> None:
    """And leaves nothing behind for the next guest of its address."""
    put(house, ip(5), *M5, "--user-data", "-", stdin=b"mine")
    put(house, ip(9), *M5)
    assert values(house)["ip"] == "10.0.0.9"
    assert (house.files.metadata / "10.0.0.9/user-data").read_bytes() == b"mine"
    assert not (house.files.metadata / "10.0.0.5").exists()


def test_what_waits_at_the_new_address_is_newer(house: House) -> None:
    """Documents meet: what was put there for it stays, what it brings is added."""
    put(house, ip(5), *M5, "--user-data", "-", stdin=b"old")
    house.drop(ip(5), "meta-data/zone", b"z1")
    house.drop(ip(9), "user-data", b"new")
    put(house, ip(9), *M5)
    top = house.files.metadata / "10.0.0.9"
    assert (top / "user-data").read_bytes() == b"new"
    assert (top / "meta-data/zone").read_bytes() == b"z1"
    assert os.listdir(house.files.metadata) == ["10.0.0.9"]


def test_documents_are_bytes(house: House, tmp_path: Path) -> None:
    """Neither decoded nor changed; metadata are written before the binding."""
    raw = bytes(range(256)) * 300
    (tmp_path / "raw").write_bytes(raw)
    put(house, ip(5), *M5, "--user-data", tmp_path / "raw", "--vendor-data", "-")
    top = house.files.metadata / "10.0.0.5"
    assert (top / "user-data").read_bytes() == raw
    assert (top / "vendor-data").read_bytes() == b""
    document, binding = (top / "user-data").stat(), house.file(5).stat()
    assert document.st_mtime_ns <= binding.st_mtime_ns


def test_a_bad_file_is_replaced(house: House) -> None:
    house.file(5).write_text("{")
    put(house, ip(5), *M5)
    assert values(house) == {"mac": "fa:16:3e:00:00:05", "ip": "10.0.0.5"}


def test_nothing_is_left_beside_the_files(house: House) -> None:
    """No temporary name, whether it was written or refused."""
    put(house, ip(5), *M5, "--user-data", "-")
    put(house, ip(5), "--mtu", 9000)
    names = sorted(
        os.path.relpath(path, house.files.state)
        for path in house.files.state.rglob("*")
        if path.is_file()
    )
    assert names == [
        "bindings/fa163e000005.json",
        "metadata/10.0.0.5/user-data",
        "write.lock",
    ]


def test_as_a_program(house: House) -> None:
    """The real thing: a process, standard input, an exit code."""
    done = subprocess.run(
        [*METALEASE, "put", "n1", "10.0.0.5", *M5, "--user-data", "-"],
        input=b"#cloud-config\n",
        capture_output=True,
        env={**os.environ, "METALEASE_ROOT": str(house.layout.root)},
    )
    assert (done.returncode, done.stdout) == (3, b"")
    assert done.stderr.endswith(DOWN.encode())
    document = house.files.metadata / "10.0.0.5/user-data"
    assert document.read_bytes() == b"#cloud-config\n"


def test_many_at_once(house: House) -> None:
    """Each returns when its own is in force, and none is lost."""
    with house.running() as control:
        puts = [
            subprocess.Popen(
                [*METALEASE, "put", "n1", str(ip(number)), "--mac", str(mac(number))],
                env={**os.environ, "METALEASE_ROOT": str(house.layout.root)},
            )
            for number in range(5, 17)
        ]
        for number, putting in enumerate(puts, 5):
            assert putting.wait(60) == 0
            assert control.state.at(ip(number)) is not None
    assert len(os.listdir(house.files.bindings)) == len(puts)


def test_many_that_want_one_address(house: House) -> None:
    """One gets it; the others are refused with his name, and leave no file."""
    with house.running() as control:
        puts = [
            subprocess.Popen(
                [*METALEASE, "put", "n1", str(ip(5)), "--mac", str(mac(number))],
                env={**os.environ, "METALEASE_ROOT": str(house.layout.root)},
                stderr=subprocess.PIPE,
                text=True,
            )
            for number in range(5, 11)
        ]
        said = [(putting.communicate()[1], putting.returncode) for putting in puts]
        (record,) = control.state.records.values()
        assert control.state.problems == {}
    assert sorted(code for _, code in said) == [0, 1, 1, 1, 1, 1]
    assert all(f"it is bound to {record.mac}" in err for err, code in said if code)
    assert os.listdir(house.files.bindings) == [f"{record.mac.digits}.json"]


def test_what_is_not_loaded() -> None:
    """The command line imports no trio, pyroute2, dnslib or prometheus_client for
    what runs once per VM.
    """
    program = (
        "import sys\n"
        "from appliance import change, writing\n"
        "from appliance.commands import bindings, file, put\n"
        "heavy = {'trio', 'pyroute2', 'dnslib', 'prometheus_client', 'asyncio'}\n"
        "print(sorted(heavy & sys.modules.keys()))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True
    )
    assert (done.stdout, done.stderr) == ("[]\n", "")


def test_what_a_killed_one_left_goes(house: House) -> None:
    """issue 5.4: its temporary files hold passwords and user-data, and the next heals
    it; what an operator's own tools are writing stays."""
    left = [house.file(5).with_name(".77.0.tmp"), house.drop(ip(5), ".77.1.tmp", b"x")]
    left[0].write_text('{"admin_pass": "secret"}')
    other = house.drop(ip(5), ".user-data.Xa31", b"x")
    assert house.metalease("put", "n1", ip(5), "--mac", mac(5)).code in {0, 3}
    assert not any(path.exists() for path in left)
    assert other.exists()
