"""What a guest can send to port 80, by coverage: python -m tests.fuzz.fuzz_http NAME S.

NAME is a target: request or rules.  Whatever comes is a request or refused, the same
in one piece and octet by octet, and no rule of a preset leads it to another guest.
"""

import sys
from collections.abc import Iterator
from ipaddress import IPv4Address
from posixpath import normpath

import atheris  # type: ignore[import-untyped] # it ships no types

with atheris.instrument_imports(include=["httpd", "rewrite"]):
    from appliance.rules import known_presets
    from httpd.connection import Connection
    from httpd.errors import BadRequest
    from httpd.listing import is_document
    from httpd.messages import BODY_AT_MOST
    from httpd.messages import HEAD_AT_MOST
    from httpd.messages import Request
    from httpd.messages import Response
    from httpd.messages import encode_head
    from httpd.messages import parse_head
    from httpd.paths import parse_target
    from httpd.respond import Directory
    from httpd.respond import Document
    from httpd.respond import Missing
    from httpd.respond import refuse
    from httpd.respond import refuse_method
    from httpd.respond import respond
    from rewrite.ruleset import Asked
    from rewrite.ruleset import Rewrite
    from rewrite.ruleset import RuleSet

from tests.fuzz.fuzzing import fuzz
from tests.httpd.tricks import CORPUS
from tests.httpd.tricks import smuggling
from tests.httpd.tricks import traversal

DATE = "Sun, 06 Nov 1994 08:49:37 GMT"
PIECE = b"x" * 4096
ENOUGH = 1 + (HEAD_AT_MOST + BODY_AT_MOST) // len(PIECE)  # pieces that no request takes
GUEST = IPv4Address("10.0.0.5")
FACTS = {"network": "n1", "mac": "fa163e000005"}
OWN = (f"/{GUEST}/", "/default/", "/shared/")


def asked_by_clients() -> Iterator[bytes]:
    """Yield the requests of clients.txt."""
    for line in (CORPUS / "clients.txt").read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            request, tab, header = line.partition("\t")
            lines = (f"{request} HTTP/1.1", "Host: x", *([header] if tab else ()))
            yield "\r\n".join((*lines, "", "")).encode()


REQUESTS = (
    *asked_by_clients(),
    *(trick.octets for trick in smuggling()),
    *(f"GET {target} HTTP/1.1\r\nHost: x\r\n\r\n".encode() for target in traversal()),
)


class RequestTarget:
    """What comes is read alike however it is cut, and answered with whole heads."""

    seeds = REQUESTS
    octets_at_most = 1500

    def __call__(self, octets: bytes) -> None:
        at_once, refused = feed([octets])
        pieces = [octets[at : at + 1] for at in range(len(octets))]
        assert feed(pieces) == (at_once, refused)
        for cut in (len(octets) // 2, sum(octets) % (len(octets) + 1)):
            assert feed([octets[:cut], octets[cut:]]) == (at_once, refused)
        if not refused:
            # no more is held of one that never ends
            assert feed([octets, *[PIECE] * ENOUGH])[1]
        for request in at_once:
            check_path(request.path)
            answer(request)


class RulesTarget:
    """A URL leads to what is the guest's own or everybody's, and raises nothing."""

    seeds = REQUESTS
    octets_at_most = 600

    def __init__(self) -> None:
        presets = known_presets()
        presets["zstack"] = presets.pop("zstack")  # it takes any path
        self._rules = RuleSet.parse(*presets.items())

    def __call__(self, octets: bytes) -> None:
        head = octets.partition(b"\r\n\r\n")[0]
        try:
            request, _ = parse_head(head)
        except BadRequest:
            return
        check_path(request.path)
        asked = Asked(
            request.path,
            GUEST,
            request.method,
            FACTS,
            request.query,
            request.headers,
            "169.254.169.254:80",
            request.target,
        )
        found = list(self._rules.matches(asked))
        for rewrite in found:
            check_rewrite(rewrite)
        assert self._rules.explain(asked).rewrite == (found[0] if found else None)


def feed(pieces: list[bytes]) -> tuple[list[Request], bool]:
    """Return the requests that come of *pieces*, and whether one was refused."""
    connection = Connection()
    requests: list[Request] = []
    for piece in pieces:
        connection.receive(piece)
        try:
            while (request := connection.next_request()) is not None:
                requests.append(request)
        except BadRequest as problem:
            check_head(refuse(problem.status, problem.what))
            return requests, True
    return requests, False


def check_path(path: str) -> None:
    """A path is normalised: nothing in it that a file system would take for more."""
    assert path.startswith("/")
    assert "//" not in path
    assert not {".", ".."} & set(path.split("/"))
    assert not {"\0", "\\", "\r", "\n"} & set(path)
    # what is left of it is decoded: said again as it is, it is the same
    if path.isascii() and path.isprintable() and not set(path) & set(" %?#"):
        assert parse_target(path)[0] == path


def answer(request: Request) -> None:
    """Whatever is found for a request, its answer is one head."""
    refusal = refuse_method(request)
    found = Document(request.body, modified=float(len(request.path)))
    directory = Directory(tuple(request.path.split("/")[1:]))
    answers = [respond(each) for each in (found, directory, Missing())]
    for each in answers if refusal is None else [refusal]:
        check_head(each, request)


def check_head(response: Response, request: Request | None = None) -> None:
    version = (1, 1) if request is None else request.version
    keep_alive = request is not None and request.keeps_alive
    head = encode_head(response, date=DATE, keep_alive=keep_alive, version=version)
    assert head.startswith(b"HTTP/1.1 %d " % response.status)
    assert head.find(b"\r\n\r\n") == len(head) - 4
    assert head.count(b"\nContent-Length: ") == 1


def check_rewrite(rewrite: Rewrite) -> None:
    listed = [target for _, target in rewrite.listing if target is not None]
    for target in (rewrite.target, *listed):
        if target is not None and rewrite.elsewhere(target) is None:
            assert target.startswith(OWN), target
            if not f"{normpath(target)}/".startswith(OWN):
                # zstack's rules see the query, where ".." stays: no document's name
                assert not all(map(is_document, filter(None, target.split("/"))))
    assert rewrite.proxy is None
    assert rewrite.root is None


Target = RequestTarget | RulesTarget
TARGETS: dict[str, type[Target]] = {"request": RequestTarget, "rules": RulesTarget}


def main(name: str, seconds: int) -> None:
    """Try for *seconds*; libFuzzer ends the process."""
    target: Target = TARGETS[name]()
    fuzz(target, target.seeds, seconds=seconds, octets_at_most=target.octets_at_most)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 60)
