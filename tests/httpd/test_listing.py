"""Listings as EC2 writes them, and what a request gets of a resource."""

from hypothesis import given
from hypothesis import strategies as st

from httpd.listing import encode_listing
from httpd.listing import is_document
from httpd.messages import Request
from httpd.respond import Directory
from httpd.respond import Document
from httpd.respond import Missing
from httpd.respond import refuse_method
from httpd.respond import respond


def test_a_listing_is_one_name_a_line() -> None:
    """Names in the order of their octets, directories with "/", no line feed after the
    last, no HTML (metadata 1.5; clients C34, C35)."""
    names = ["local-ipv4", "ami-id", "placement/", "Zeta", "été", "ami-id.old", "z/"]
    assert (
        "Zeta\nami-id\nami-id.old\nlocal-ipv4\nplacement/\nz/\nété"
    ).encode() == encode_listing(names)
    assert encode_listing([]) == b""


def test_a_key_has_its_name_behind_its_number() -> None:
    """`0=ops` is shown without "/", and has one "=": Windows takes the line apart there
    (metadata 1.5, public-keys; clients C34, C56)."""
    assert encode_listing(["1=b/", "0=a/"]) == b"0=a\n1=b"
    assert encode_listing(["0=ops@x=y/"]) == b"0=ops@x_y"
    assert encode_listing(["x=y/", "0=/", "٣=a/"]) == "0=/\nx=y/\n٣=a/".encode()


def test_a_file_is_no_key() -> None:
    """One that is called as a key's directory is not listed: cloud-init would ask for
    0/openssh-key, and have no data at all (clients C34, C35; issue 5.4)."""
    assert encode_listing(["0=ops", "x=y", "1=dev/"]) == b"1=dev\nx=y"


HIDDEN = [
    *(".", "..", ".hidden", ".user-data.Xa31", ".user-data.swp"),
    *("a~", "#a#", "a.tmp", "a.swp", "a.part", "index.html", "lost+found"),
    *("a\nb", ".a\nb", "a\tb", "a\\b", "a\x7f", "\0"),
    *("\udcff", "a\udce9"),
]


def test_what_is_no_document_is_not_shown() -> None:
    """Temporary names, lighttpd's index and names that no request can ask for (control
    characters, backslashes, what is not UTF-8) are not listed: a name that is listed
    and not served stops cloud-init (metadata 1.5; clients C35; zstack 3.1)."""
    for name in HIDDEN:
        assert not is_document(name), name
    assert encode_listing([*HIDDEN, *(f"{each}/" for each in HIDDEN)]) == b""
    shown = ["user-data", "a.b", "a#", "#a", "index.htm", "tmp", "a b", "0=a.b"]
    assert all(map(is_document, shown))


@given(st.lists(st.text(min_size=1, max_size=8)))
def test_any_names_are_a_listing(names: list[str]) -> None:
    """Whatever names a directory holds, each line is one of them, once, in order."""
    lines = encode_listing(names).split(b"\n")
    assert lines == sorted(set(lines))
    written = {
        name.encode("utf-8", "surrogateescape") for name in names if is_document(name)
    }
    assert all(b"=" in line or line in written or not line for line in lines)


def test_what_a_document_is_answered() -> None:
    """200 with type, time and no-store; user-data are octets with no charset and no
    encoding (metadata 1.5, headers of 200; clients C30)."""
    answer = respond(Document(b"\x1f\x8b\0", 0.0, "o"))
    assert (answer.status, answer.body, answer.origin) == (200, b"\x1f\x8b\0", "o")
    assert answer.headers == (
        ("Content-Type", "application/octet-stream"),
        ("Last-Modified", "Thu, 01 Jan 1970 00:00:00 GMT"),
        ("Cache-Control", "no-store"),
    )
    typed = respond(Document(b"{}"), "application/json")
    assert typed.headers[0] == ("Content-Type", "application/json")
    assert "Last-Modified" not in dict(typed.headers)


def test_a_time_that_no_date_can_say_is_left_out() -> None:
    """A file with the time of another age is served all the same."""
    for modified in (-1.0, 253402300800.0, 1e18):
        answer = respond(Document(b"a", modified))
        assert answer.status == 200
        assert "Last-Modified" not in dict(answer.headers)
    last = dict(respond(Document(b"a", 253402300799.0)).headers)["Last-Modified"]
    assert last == "Fri, 31 Dec 9999 23:59:59 GMT"


def test_a_directory_is_a_listing() -> None:
    """A directory is 200 and text, never a redirect (metadata 1.5; clients C71)."""
    answer = respond(Directory(("b/", "a")))
    assert (answer.status, answer.body) == (200, b"a\nb/")
    assert dict(answer.headers)["Content-Type"] == "text/plain"
    assert "Location" not in dict(answer.headers)


def test_what_is_missing_is_what_the_rule_says() -> None:
    """404 in short text, 204, or an empty 200 (metadata 2, feature 4; clients C72)."""
    assert (
        (answer := respond(Missing())).status,
        answer.body,
    ) == (404, b"404 no such document\n")
    assert ((answer := respond(Missing("204"))).status, answer.body) == (204, b"")
    assert ((answer := respond(Missing("empty"))).status, answer.body) == (200, b"")


def test_only_reading_is_allowed() -> None:
    """Any method but GET and HEAD is 405 with Allow (metadata U9)."""
    for method in ("GET", "HEAD"):
        assert refuse_method(Request(method, "/", "/")) is None
    for method in (
        "POST",
        "PUT",
        "DELETE",
        "PATCH",
        "OPTIONS",
        "TRACE",
        "CONNECT",
        "get",
    ):
        answer = refuse_method(Request(method, "/", "/"))
        assert answer is not None
        assert (answer.status, dict(answer.headers)["Allow"]) == (405, "GET, HEAD")
