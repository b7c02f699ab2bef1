"""A directory as one JSON document: objects for directories, text for documents.

What is in it is what a crawl of the directory would have found, URL by URL, so that no
rule is passed over.  A document that is itself JSON stays text, and one that is no text
is left out, as are names that no listing shows.
"""

import os
from collections.abc import Callable
from dataclasses import replace

from httpd.listing import is_document
from httpd.messages import FileBody
from httpd.messages import Response
from httpd.respond import Directory
from httpd.respond import Document
from httpd.respond import Resource
from httpd.respond import refuse
from httpd.respond import respond
from httpd.root import discard
from rewrite.ruleset import Rewrite

from .dialects.told import encode_json

JSON = "application/json"
OCTETS_AT_MOST = 1024 * 1024  # of all documents together
NAMES_AT_MOST = 4096
DEPTH_AT_MOST = 16

Node = str | dict[str, "Node"]


class TooLargeError(Exception):
    """The directory holds more than one document should."""


def text_of(body: bytes | FileBody, *, wait: bool, at_most: int) -> str | None:
    """Return a document's text and give it back; None where it is none, or longer.

    Raises BlockingIOError where it would have to be waited for and *wait* is false.
    """
    if isinstance(body, FileBody):
        try:
            if body.length > at_most:
                return None
            if not wait:
                raise BlockingIOError("a large document is read by a thread")
            body_read = os.pread(body.descriptor, body.length, 0)
        finally:
            discard(body)
        body = body_read
    try:
        return None if len(body) > at_most else body.decode()
    except UnicodeDecodeError:
        return None


class Crawl:
    """One crawl, and what it may still take."""

    def __init__(self, look: Callable[[str], Resource | None], *, wait: bool) -> None:
        """*look* finds what a path means."""
        self._look = look
        self._wait = wait
        self._octets = OCTETS_AT_MOST
        self._names = NAMES_AT_MOST

    def directory(self, path: str, found: Directory, depth: int = 1) -> dict[str, Node]:
        if depth > DEPTH_AT_MOST:
            raise TooLargeError(f"more than {DEPTH_AT_MOST} directories deep")
        names = sorted(each.removesuffix("/") for each in found.names)
        nodes: dict[str, Node] = {}
        for name in filter(is_document, names):
            self._names -= 1
            if self._names < 0:
                raise TooLargeError(f"more than {NAMES_AT_MOST} names")
            node = self._node(f"{path}/{name}", depth)
            if node is not None:
                nodes[name] = node
        return nodes

    def _node(self, path: str, depth: int) -> Node | None:
        match self._look(path):
            case Directory() as inner:
                return self.directory(path, inner, depth + 1)
            case Document(body):
                length = body.length if isinstance(body, FileBody) else len(body)
                text = text_of(body, wait=self._wait, at_most=OCTETS_AT_MOST)
                self._octets -= length
                if self._octets < 0:
                    raise TooLargeError(f"more than {OCTETS_AT_MOST} octets")
                return text
            case _:
                return None


def respond_tree(crawl: Crawl, path: str, found: Directory, rule: Rewrite) -> Response:
    """Return the directory *found* at *path* as JSON, or the refusal of a large one.

    Raises BlockingIOError where a document would have to be waited for.
    """
    try:
        body = encode_json(crawl.directory(path.rstrip("/"), found))
    except TooLargeError as problem:
        what = f"{problem}: ask for its parts"
        return replace(refuse(413, what, *rule.headers), rule=rule.origin)
    tree = Document(body, None, found.origin)
    return respond(tree, JSON, rule.headers, rule.origin)
