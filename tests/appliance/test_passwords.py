"""CloudStack's password server (metadata, section 2; clients C42, C58)."""

from pathlib import Path

import pytest

from appliance.passwords import Passwords
from appliance.spool import Spool
from appliance.token_key import clock
from httpd.listener import Peer
from httpd.messages import Request
from httpd.messages import Response
from httpd.tokens import NONCE_OCTETS

from .guests import GATE
from .guests import guests
from .guests import metadata
from .guests import peer
from .house import House
from .house import ip
from .house import mac


@pytest.fixture
def house(tmp_path: Path) -> House:
    house = guests(tmp_path)
    house.files.spool.mkdir()
    house.bind(5, admin_pass="s3cret")
    return house


def server(house: House, settings: str = "") -> Passwords:
    return Passwords(metadata(house, settings), Spool(house.files.spool), bytes(32))


def say(
    passwords: Passwords,
    wish: str | None,
    who: Peer | None = None,
    *,
    token: str | None = None,
) -> object:
    headers = {} if wish is None else {"domu_request": wish}
    if token is not None:
        headers["x-aws-ec2-metadata-token"] = token
    request = Request("GET", "/", "/", headers=headers)
    response = passwords.answer(request, who or peer(5), wait=True, waited=0.0)
    if isinstance(response, Response):
        return response.body if response.status == 200 else response.status
    return response


def test_a_password_is_taken_once(house: House) -> None:
    """issue 5.5: the password as often as it is asked for, until it was said to be
    saved; then that it was, also after a restart."""
    passwords = server(house)
    assert say(passwords, "send_my_password") == b"s3cret"
    assert say(passwords, "send_my_password") == b"s3cret"
    assert say(passwords, "saved_password") == b"saved_password"
    assert say(passwords, "send_my_password") == b"saved_password"
    assert say(server(house), "send_my_password") == b"saved_password"


def test_who_looks_takes_nothing(house: House) -> None:
    """issue 5.5, RFC 9110 9.2.1: HEAD is answered as GET is, and takes nothing."""
    passwords = server(house)
    headers = {"domu_request": "saved_password"}
    request = Request("HEAD", "/", "/", headers=headers)
    response = passwords.answer(request, peer(5), wait=True, waited=0.0)
    assert isinstance(response, Response)
    assert (response.status, response.body) == (200, b"saved_password")
    assert say(passwords, "send_my_password") == b"s3cret"
    assert say(passwords, "saved_password") == b"saved_password"
    assert say(passwords, "send_my_password") == b"saved_password"


def test_a_new_password_can_be_taken(house: House) -> None:
    """issue 5.5: another password of the operator's is sent again."""
    say(server(house), "saved_password")
    house.bind(5, admin_pass="an0ther")
    assert say(server(house), "send_my_password") == b"an0ther"


def test_what_is_no_request(house: House) -> None:
    """issue 5.5: bad_request for another wish or none; saved_password where there
    is none to send; a foreign MAC is reset; POST is 405; with endpoint = false 403."""
    passwords = server(house)
    for wish in (None, "", "reboot", "send_my_passwords"):
        assert say(passwords, wish) == b"bad_request"
    for who in (peer(6), peer(99)):
        assert say(passwords, "send_my_password", who) == b"saved_password"
    assert say(passwords, "send_my_password", Peer(ip(5), mac(6).octets)) is None
    assert not passwords.admits(Peer(ip(5), mac(6).octets))
    request = Request("POST", "/", "/")
    response = passwords.answer(request, peer(5), wait=True, waited=0.0)
    assert isinstance(response, Response)
    assert response.status == 405
    off = server(house, "[metadata]\nendpoint = false\n")
    shut = off.shut(Request("GET", "/", "/"), peer(5))
    assert shut is not None
    assert shut.status == 403


def test_what_is_kept_is_no_password(house: House) -> None:
    """issue 5.5: the disk holds a keyed digest alone."""
    say(server(house), "saved_password")
    kept = [each for each in house.files.spool.rglob("*") if each.is_file()]
    assert kept
    assert not any(b"s3cret" in each.read_bytes() for each in kept)


def test_it_is_gated_as_every_dialect(house: House) -> None:
    """issue 5.5, metadata 1.2: with tokens = "required" nobody walks round it by the
    password server: 401 for a wish without a token and with a foreign one, and for
    the acknowledgement; X-Forwarded-For is refused where all of it is."""
    passwords = server(house, '[metadata]\ntokens = "required"\n')
    assert say(passwords, "send_my_password") == 401
    assert say(passwords, "saved_password") == 401
    foreign, own = (
        GATE.authority.issue(
            ip(number).packed + mac(number).octets, 60, clock(), bytes(NONCE_OCTETS)
        )
        for number in (6, 5)
    )
    assert say(passwords, "send_my_password", token=foreign) == 401
    assert say(passwords, "send_my_password", token=own) == b"s3cret"
    optional = server(house, '[metadata]\nreject_forwarded = "all"\n')
    headers = {"domu_request": "send_my_password", "x-forwarded-for": "10.0.0.5"}
    request = Request("GET", "/", "/", headers=headers)
    response = optional.answer(request, peer(5), wait=True, waited=0.0)
    assert isinstance(response, Response)
    assert response.status == 403
