"""What the rules are asked, and what they answer: values that the daemon passes on."""

import re
from collections.abc import Callable
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from ipaddress import IPv4Address

from .blocks import Alias

NEEDLESS = (":", ":80")
_PORT = re.compile(r":[0-9]*\Z")
IF_MISSING = ("404", "204", "empty", "next", "default")


def _no_file(_: "Rewrite") -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked for and by whom, as conditions see it."""

    path: str
    """Decoded and normalised, without the query."""
    remoteip: IPv4Address
    method: str = "GET"
    facts: Mapping[str, str] = field(default_factory=dict)
    """For ${...} in targets; ip is always among them."""
    query: str = ""
    """As it came, without the "?"."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """By their names in lower case."""
    socket: str = ""
    """Where it was asked: "169.254.169.254:80"."""
    target: str = ""
    """The request target as it came."""
    is_file: "Callable[[Rewrite], bool]" = _no_file
    """Whether there is a file where one leads: for url.rewrite-if-not-file."""

    @property
    def host(self) -> str:
        """The host that was asked for: in lower case, without a needless port."""
        text = self.headers.get("host", "").lower()
        found = _PORT.search(text)
        port = "" if found is None else found[0]
        name = text.removesuffix(port).removesuffix(".")
        return name if port in NEEDLESS else name + port


@dataclass(frozen=True, slots=True)
class Refusal:
    """No document, but a status and why."""

    status: int
    what: str


@dataclass(frozen=True, slots=True)
class Redirect:
    """Ask elsewhere: url.redirect."""

    status: int
    location: str


@dataclass(frozen=True, slots=True)
class Rewrite:
    """The document that is meant, and how it is served."""

    target: str | None
    """A path below "/": None where something else is the answer."""
    query: str = ""
    """What the rule left of the query, or made."""
    listing: tuple[tuple[str, str | None], ...] = ()
    """Names, each with the target that has to exist for it to be shown."""
    content_type: str | None = None
    headers: tuple[tuple[str, str], ...] = ()
    """To be added to the answer."""
    if_missing: str = "404"
    """One of IF_MISSING."""
    refusal: Refusal | None = None
    redirect: Redirect | None = None
    proxy: str | None = None
    """The upstream's name, "host:port"."""
    spool: str | None = None
    """The name below spool/<ip>/ under which a body is kept."""
    once: bool = False
    """What is in the spool stays, and a second body is refused."""
    render: str | None = None
    """If "json", a directory is answered as the JSON of its subtree."""
    root: str | None = None
    """server.document-root: where the target is looked for instead."""
    aliases: tuple[Alias, ...] = ()
    origin: str = ""
    """The file and the line of the rule that decided."""

    def elsewhere(self, target: str) -> tuple[str, str] | None:
        """Return the operator's directory or file for *target*, and the path below it.

        None where no alias and no root leads away from the documents.  An alias goes
        before a root, as in lighttpd, and ends where a name of the target does.
        """
        for alias in self.aliases:
            if alias.leads(target):
                return alias.path, target.removeprefix(alias.prefix).lstrip("/")
        if self.root is not None:
            return self.root, target.lstrip("/")
        return None
