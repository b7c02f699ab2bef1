"""`metalease agent`: where it listens, and whom it starts."""

import os
from pathlib import Path

import pytest
import trio

from appliance import doorbell
from appliance.agent import daemons
from appliance.errors import SettingsError
from appliance.layout import Layout
from tests.appliance.house import House

TOKEN = "a-token-of-some-length"


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House.build(tmp_path)


def token(house: House, text: str, mode: int = 0o600) -> Path:
    path = house.layout.root / "token"
    path.write_text(text)
    path.chmod(mode)
    return path


def refused(house: House, *words: object) -> str:
    said = house.metalease("agent", *words)
    assert (said.code, said.out) == (1, "")
    assert said.err.count("\n") == 1
    return said.err.removeprefix("metalease: ").rstrip("\n")


@pytest.mark.parametrize("words", [(), ("--socket", "a", "--listen", "127.0.0.1:1")])
def test_one_place_to_listen_is_needed(house: House, words: tuple[str, ...]) -> None:
    """Exit code 2: nothing is listened on that was not said."""
    assert house.metalease("agent", *words).code == 2


def test_tcp_needs_a_token(house: House) -> None:
    """issue 6.8: a token when on TCP."""
    assert refused(house, "--listen", "192.0.2.1:1").startswith(
        "--listen: whoever reaches it makes networks: give it a --token-file"
    )


@pytest.mark.parametrize(
    ("text", "mode", "says"),
    [
        (TOKEN, 0o640, "others may read it: chmod 600"),
        ("", 0o600, "has to hold one line of at least 16 ASCII characters"),
        (TOKEN[:15], 0o600, "has to hold one line of at least 16"),
        (f"{TOKEN}\n{TOKEN}\n", 0o600, "has to hold one line"),
        (f"{TOKEN}é", 0o600, "has to hold one line"),
    ],
)
def test_a_token_that_is_none(house: House, text: str, mode: int, says: str) -> None:
    path = token(house, text, mode)
    said = refused(house, "--listen", "127.0.0.1:0", "--token-file", path)
    assert said.startswith(f"{path}: {says}")
    assert TOKEN not in said


@pytest.mark.machine  # who is root gives files away
def test_a_token_that_another_may_change(house: House) -> None:
    """issue 6.8."""
    path = token(house, TOKEN)
    os.chown(path, 65534, -1)
    said = refused(house, "--listen", "192.0.2.1:1", "--token-file", path)
    assert said == f"{path}: belongs to user 65534: chown root {path}"


def test_a_token_that_is_not_there(house: House) -> None:
    said = refused(house, "--listen", "127.0.0.1:0", "--token-file", "/nowhere")
    assert said == "/nowhere: there is no such file"


@pytest.mark.parametrize("listen", ["x", "1", ":1", "a:1", "127.0.0.1:65536", "::1"])
def test_where_nobody_can_listen(house: House, listen: str) -> None:
    path = token(house, TOKEN + "\n")
    said = refused(house, f"--listen={listen}", "--token-file", path)
    assert said == f"--listen: {listen!r} is not ADDRESS:PORT"


@pytest.mark.machine  # the agent is root's
def test_an_address_that_is_not_ours(house: House) -> None:
    path = token(house, TOKEN + "\n")
    said = refused(house, "--listen=192.0.2.1:1", "--token-file", path)
    assert said.startswith("--listen 192.0.2.1:1: ")
    assert "assign requested address" in said


def test_only_a_socket_is_replaced(house: House) -> None:
    """issue 6.8: What an operator names by mistake is still there."""
    precious = house.layout.root / "precious"
    precious.write_text("mine")

    async def listen() -> None:
        doorbell.listen(precious).socket.close()

    with pytest.raises(SettingsError, match="is there and no socket: choose another"):
        trio.run(listen)
    assert precious.read_text() == "mine"


SYSTEMCTL = """\
#!/bin/sh
echo "$@" >>{log}
echo "Job failed."
exit {code}
"""


def with_systemctl(
    house: House, monkeypatch: pytest.MonkeyPatch, code: int = 0
) -> Path:
    """Have a systemctl of ours that writes down what it is told."""
    log = house.layout.root / "systemctl.log"
    program = house.layout.root / "bin/systemctl"
    program.parent.mkdir()
    program.write_text(SYSTEMCTL.format(log=log, code=code))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    return log


def test_units_are_systemds(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where systemd runs and has our unit, it starts and ends the daemons."""
    log = with_systemctl(house, monkeypatch)
    monkeypatch.setattr(daemons, "SYSTEMD", house.layout.root)

    async def scene() -> None:
        async with trio.open_nursery() as nursery:
            chosen = await daemons.choose(Layout(), nursery, lambda *_: None)
            await chosen.start(house.files)
            await chosen.stop(house.files)
            here = await daemons.choose(house.layout, nursery, lambda *_: None)
            assert isinstance(here, daemons.Children)

    trio.run(scene)
    assert log.read_text().splitlines() == [
        "cat metalease@.service",
        "start metalease@n1.service",
        "stop metalease@n1.service",
    ]


def test_a_unit_that_does_not_start_says_why(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_systemctl(house, monkeypatch, code=1)
    with pytest.raises(SettingsError, match="`systemctl start` says: Job failed"):
        trio.run(daemons.Units().start, house.files)
