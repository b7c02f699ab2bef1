"""Guests who ask for documents, and what there is to ask for."""

from pathlib import Path

from appliance.metadata import Metadata
from appliance.rules import load_rules
from httpd.contract import Awaited
from httpd.contract import Later
from httpd.gate import Gate
from httpd.listener import Peer
from httpd.messages import FileBody
from httpd.messages import Request
from httpd.messages import Response
from httpd.paths import parse_target
from httpd.root import SMALL
from httpd.tokens import KEY_OCTETS
from httpd.tokens import NONCE_OCTETS
from httpd.tokens import TokenAuthority

from .house import N1
from .house import House
from .house import ip
from .house import mac

GATE = Gate(TokenAuthority(bytes(KEY_OCTETS), b"test"), lambda: bytes(NONCE_OCTETS))
SECRET = b"the neighbour's"
LARGE = b"x" * (SMALL + 1)
OWN_RULES = r"""
url.rewrite-once = (
    "^/neighbour$"       => "/10.0.0.6/user-data",
    "^/neighbour/(.+)$"  => "/10.0.0.6/$1",
    "^/any/(.+)$"        => "/$1",
    "^/agent/(.+)$"      => "/shared/$1",
    "^/up/(.+)$"         => "/shared/../metadata/10.0.0.6/$1",
)
"""


def guests(root: Path) -> House:
    """Build a house where 10.0.0.5 asks, 10.0.0.6 has a secret, and 10.0.0.9 is
    nobody's but has files.
    """
    house = House.build(root)
    house.files.rules.write_text(OWN_RULES)
    house.bind(5, public_keys={"ops": "ssh-ed25519 AAAA"})
    house.bind(6)
    house.drop(ip(5), "user-data", b"own")
    house.drop(ip(6), "user-data", SECRET)
    house.drop(ip(9), "user-data", b"left over")
    house.drop("default", "vendor-data", b"default")
    house.files.shared.mkdir()
    (house.files.shared / "agent").write_bytes(b"shared")
    return house


def metadata(house: House, settings: str = "") -> Metadata:
    house.files.settings.write_text(N1 + settings)
    state = house.state()
    state.load()
    loaded = house.settings()
    rules = load_rules(loaded, house.files)
    return Metadata(loaded, rules, state, house.files, GATE)


def peer(number: int, hardware: int | None = None) -> Peer:
    octets = mac(number if hardware is None else hardware).octets
    return Peer(ip(number), octets)


def answer(found: Metadata, url: str, who: Peer | None = None) -> Response | None:
    path, query = parse_target(url)
    return ask(found, Request("GET", url, path, query), who)


def ask(found: Metadata, request: Request, who: Peer | None = None) -> Response | None:
    """Return the answer to a request that has not to wait."""
    response = found.answer(request, who or peer(5), wait=True, waited=0.0)
    assert not isinstance(response, Later | Awaited)
    return response


def get(found: Metadata, url: str, who: Peer | None = None) -> bytes | int:
    """Return the body of a 200, or the status."""
    response = answer(found, url, who)
    assert response is not None
    body = response.body
    if isinstance(body, FileBody):
        with open(body.descriptor, "rb") as file:
            body = file.read()
    return body if response.status == 200 else response.status


URLS = (
    "/",
    "/latest/user-data",
    "/latest/meta-data/",
    "/openstack/latest/meta_data.json",
    "/nocloud/user-data",
    "/agent/agent",
    "/any/default/vendor-data",
)


def post(found: Metadata, path: str, body: bytes, number: int = 5) -> Response:
    response = ask(found, Request("POST", path, path, body=body), peer(number))
    assert response is not None
    return response
