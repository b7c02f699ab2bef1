"""Session tokens and the gate before all documents (metadata T1-T13, U1-U17)."""

import itertools
from ipaddress import IPv4Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from httpd.gate import TOKEN_PATH
from httpd.gate import Gate
from httpd.gate import Terms
from httpd.messages import Request
from httpd.messages import Response
from httpd.messages import parse_head
from httpd.tokens import KEY_OCTETS
from httpd.tokens import NONCE_OCTETS
from httpd.tokens import TokenAuthority

KEY = bytes(range(KEY_OCTETS))
NONCE = bytes(range(NONCE_OCTETS))
GUEST = IPv4Address("10.0.0.5").packed
OTHER = IPv4Address("10.0.0.6").packed
TTL = "X-aws-ec2-metadata-token-ttl-seconds"
TOKEN = "X-aws-ec2-metadata-token"
OPTIONAL = Terms()
REQUIRED = Terms(required=True)
MODES = {"optional": OPTIONAL, "required": REQUIRED}
DOCUMENT = "/latest/meta-data/instance-id"


def authority(key: bytes = KEY, scope: bytes = b"n1") -> TokenAuthority:
    return TokenAuthority(key, scope)


GATE = Gate(authority(), lambda: NONCE)


def ask(
    method: str,
    path: str,
    *headers: str,
    terms: Terms = OPTIONAL,
    guest: bytes = GUEST,
    now: float = 0.0,
    gate: Gate = GATE,
) -> Response | None:
    lines = (f"{method} {path} HTTP/1.1", "Host: 169.254.169.254", *headers)
    request, _ = parse_head("\r\n".join(lines).encode())
    return gate.check(request, guest, terms, now)


def status(found: Response | None) -> int:
    """Return the status; 200 for what may pass."""
    return 200 if found is None else found.status


def issue(ttl: str = "60", **more: object) -> str:
    found = ask("PUT", TOKEN_PATH, f"{TTL}: {ttl}", **more)  # type: ignore[arg-type] # the keywords are ask's
    assert found is not None
    assert found.status == 200
    assert isinstance(found.body, bytes)
    return found.body.decode()


@pytest.mark.parametrize("seconds", ["1", "60", "21600", " 60 "])
def test_a_token_is_issued(seconds: str) -> None:
    """metadata T1: 200, the token and nothing else, the seconds echoed."""
    found = ask("PUT", TOKEN_PATH, f"{TTL}: {seconds}")
    assert found is not None
    assert found.status == 200
    headers = dict(found.headers)
    assert headers["Content-Type"] == "text/plain"
    assert headers[TTL] == seconds.strip()
    assert isinstance(found.body, bytes)
    token = found.body.decode()
    assert token.isascii()
    assert token.isprintable()
    assert " " not in token
    assert 40 < len(token) < 100


@pytest.mark.parametrize(
    "headers",
    [
        (),
        (f"{TTL}:",),
        *(
            (f"{TTL}: {ttl}",)
            for ttl in (
                "0", "21601", "-1", "+60", "1.5", "60x", "x", "4294967297", "6 0",
                "99999999999999999999", "٦", "0x10",
            )
        ),
        (f"{TTL}: 60", f"{TTL}: 61"),
    ],
)  # fmt: skip
def test_seconds_that_are_none(headers: tuple[str, ...]) -> None:
    """metadata T2, T3, T4: absent, empty, no number, out of bounds, or two: 400."""
    request_headers = {
        name.lower(): value.strip()
        for name, _, value in (each.partition(":") for each in headers)
    }
    if len(headers) == 2:
        request_headers = {TTL.lower(): "60, 61"}  # as parse_head joins them
    request = Request("PUT", TOKEN_PATH, TOKEN_PATH, headers=request_headers)
    assert status(GATE.check(request, GUEST, OPTIONAL, 0.0)) == 400


def test_two_headers_with_seconds() -> None:
    """metadata T4: as octets, too."""
    assert status(ask("PUT", TOKEN_PATH, f"{TTL}: 60", f"{TTL}: 61")) == 400


@pytest.mark.parametrize("header", ["X-Forwarded-For: 1.2.3.4", "x-forwarded-FOR:"])
def test_no_token_for_what_was_forwarded(header: str) -> None:
    """metadata T5: any X-Forwarded-For is 403, in any case, even empty."""
    assert status(ask("PUT", TOKEN_PATH, f"{TTL}: 60", header)) == 403
    off = Terms(reject_forwarded="off")
    assert status(ask("PUT", TOKEN_PATH, f"{TTL}: 60", header, terms=off)) == 200


@pytest.mark.parametrize(
    ("method", "path", "expected", "allow"),
    [
        ("PUT", "/2021-03-23/api/token", 403, None),
        ("PUT", "/1.0/api/token/", 403, None),
        ("PUT", "/latest/meta-data/", 405, "GET, HEAD"),
        ("GET", TOKEN_PATH, 405, "PUT"),
        ("HEAD", TOKEN_PATH, 405, "PUT"),
        ("POST", TOKEN_PATH, 405, "PUT"),
        ("DELETE", TOKEN_PATH, 405, "PUT"),
        ("PUT", TOKEN_PATH + "/", 200, None),
        ("PUT", "//latest//api/token", 200, None),
    ],
)
def test_where_tokens_are(
    method: str, path: str, expected: int, allow: str | None
) -> None:
    """metadata T6, T7, T8, T9: one place, one method."""
    found = ask(method, path, f"{TTL}: 60")
    assert status(found) == expected
    assert found is not None
    assert dict(found.headers).get("Allow") == allow


def test_an_endpoint_that_is_off() -> None:
    """metadata T11, U17: 403 for everything, a token too."""
    off = Terms(endpoint=False, required=True)
    for method, path in itertools.product(
        ("GET", "PUT", "POST"), (TOKEN_PATH, DOCUMENT, "/")
    ):
        assert status(ask(method, path, f"{TTL}: 60", terms=off)) == 403


def test_the_names_of_others() -> None:
    """metadata T13: Firecracker's names too; the one that was used is echoed."""
    found = ask("PUT", TOKEN_PATH, "X-metadata-token-ttl-seconds: 60")
    assert found is not None
    assert dict(found.headers)["X-metadata-token-ttl-seconds"] == "60"
    assert isinstance(found.body, bytes)
    header = f"X-metadata-token: {found.body.decode()}"
    assert ask("GET", DOCUMENT, header, terms=REQUIRED) is None


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("mode", MODES)
def test_with_and_without(mode: str, method: str) -> None:
    """metadata U1, U2, U4, U7: without a token only where it is optional, and 401
    before anything is looked up; with one everywhere."""
    terms = MODES[mode]
    bare = ask(method, DOCUMENT, terms=terms)
    assert status(bare) == (200 if mode == "optional" else 401)
    assert status(ask(method, "/absent", terms=terms)) == status(bare)
    assert ask(method, DOCUMENT, f"{TOKEN}: {issue()}", terms=terms) is None


WRONG = {
    "empty": "",
    "words": "not-a-token",
    "long": "A" * 257,
    "cut": issue()[:-4],
    "longer": issue() + "AAAA",
    "padded": issue() + "=",
    "another alphabet": "+/" + issue()[2:],
    "of another key": Gate(authority(bytes(KEY_OCTETS)), lambda: NONCE),
    "of another network": Gate(authority(scope=b"n2"), lambda: NONCE),
}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("kind", WRONG)
def test_a_token_that_is_none(mode: str, kind: str) -> None:
    """metadata U3, U5, U11, U12, U13: a token header makes it a request of version 2:
    what does not hold is 401, in either mode."""
    wrong = WRONG[kind]
    token = issue(gate=wrong) if isinstance(wrong, Gate) else wrong
    found = ask("GET", DOCUMENT, f"{TOKEN}: {token}", terms=MODES[mode])
    assert status(found) == 401


def test_a_token_is_its_guests() -> None:
    """metadata U13: from another address it is worth nothing."""
    header = f"{TOKEN}: {issue()}"
    assert status(ask("GET", DOCUMENT, header, guest=OTHER)) == 401
    assert ask("GET", DOCUMENT, header) is None


@pytest.mark.parametrize("seconds", [1, 21_600])
def test_a_token_ends(seconds: int) -> None:
    """metadata U14: it holds until its seconds are over, and not by use longer."""
    header = f"{TOKEN}: {issue(str(seconds), now=1000.0)}"
    for now in (1000.0, 1000.0 + seconds - 0.01):
        assert ask("GET", DOCUMENT, header, now=now) is None
    assert status(ask("GET", DOCUMENT, header, now=1000.0 + seconds)) == 401


def test_a_token_outlives_its_server() -> None:
    """metadata U15: whoever has the key verifies what was issued before."""
    again = Gate(authority(), lambda: bytes(NONCE_OCTETS))
    assert ask("GET", DOCUMENT, f"{TOKEN}: {issue()}", gate=again) is None


@pytest.mark.parametrize(
    "method", ["POST", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT"]
)
def test_other_methods(method: str) -> None:
    """metadata U9: 405 with Allow, whether or not a token is needed."""
    for terms in MODES.values():
        found = ask(method, DOCUMENT, terms=terms)
        assert found is not None
        assert (found.status, dict(found.headers)["Allow"]) == (405, "GET, HEAD")


def test_forwarded_reading() -> None:
    """metadata U10: a GET that was forwarded is answered, unless all are refused."""
    header = "X-Forwarded-For: 10.0.0.6"
    assert ask("GET", DOCUMENT, header) is None
    strict = Terms(reject_forwarded="all")
    assert status(ask("GET", DOCUMENT, header, terms=strict)) == 403
    assert ask("GET", DOCUMENT, terms=strict) is None


@given(st.text(max_size=300), st.binary(min_size=4, max_size=4))
def test_no_text_is_a_token(text: str, address: bytes) -> None:
    """metadata U3: nothing that was not issued holds, and nothing raises."""
    assert not authority().verify(text, address, 0.0)


@given(st.data(), st.binary(min_size=4, max_size=4), st.integers(1, 21_600))
def test_no_octet_can_be_changed(
    data: st.DataObject, address: bytes, seconds: int
) -> None:
    """metadata U3, U14: the expiry of a token is not the guest's to write."""
    token = authority().issue(address, seconds, 5.0, NONCE)
    assert authority().verify(token, address, 5.0)
    at = data.draw(st.integers(0, len(token) - 1))
    letter = data.draw(st.sampled_from("ABCXYZabcxyz0189-_"))
    if letter != token[at]:
        changed = token[:at] + letter + token[at + 1 :]
        assert not authority().verify(changed, address, 5.0)


def test_a_key_has_its_length() -> None:
    with pytest.raises(ValueError, match="31 octets"):
        TokenAuthority(bytes(31), b"")
