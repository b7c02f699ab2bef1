"""What `metalease lab` shows: pure functions from what happened to lines of text."""

import shlex
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass

from .crawl import Row
from .installation import Event

WIDTH = 100  # columns
ASKED = 52
GOT = 35
TIME = 7
RULE = "-" * WIDTH

OPENING = """\
metalease lab: a network of virtual machines, made of namespaces that end with it.

  web-1  dhclient --+          +-- gateway    10.0.0.1         a router
  web-2  udhcpc   --+-- br0 ---+
  web-3  dhcpcd   --+          +-- metalease  10.0.0.2         DHCP: address, routes
                                              169.254.169.254  HTTP: identity, data
"""
LEGEND = """\
Three guests are switched on. Each runs an unchanged DHCP client of Debian, then makes
the requests of cloud-init. ms: until the answer was there, by metalease's own clock for
DHCP, by the guest's for HTTP.
"""


@dataclass(frozen=True, slots=True)
class Story:
    """How one guest came up."""

    name: str
    mac: str
    client: str
    habit: str
    dhcp: Sequence[Event]
    client_ms: float
    """From the client's start to its word that the interface is configured."""
    addresses: Sequence[str]
    routes: Mapping[str, str]
    crawl: Sequence[Row]


def typed(arguments: Sequence[str]) -> str:
    """Show a command as one types it, on more lines if it is long."""
    lines = ["  $ metalease"]
    for words in phrases(arguments):
        text = " " + shlex.join(words)
        if len(lines[-1]) + len(text) > WIDTH - len(" \\"):
            lines[-1] += " \\"
            lines.append("     ")
        lines[-1] += text
    return "\n".join(lines)


def phrases(arguments: Sequence[str]) -> Iterator[list[str]]:
    """Split a command where a line may end: not between an option and its value."""
    phrase: list[str] = []
    for word in arguments:
        if phrase and (word.startswith("--") or not phrase[0].startswith("--")):
            yield phrase
            phrase = []
        phrase.append(word)
    yield phrase


def line(asked: str, got: str, milliseconds: str) -> str:
    return f"  {fit(asked, ASKED)} {fit(got, GOT)} {milliseconds:>{TIME}}".rstrip()


def fit(text: str, width: int) -> str:
    """Cut or fill *text* to *width*; what a guest or a file says may hold anything."""
    shown = "".join(each if each.isprintable() else "?" for each in text)
    return shown.ljust(width) if len(shown) <= width else shown[: width - 2] + ".."


def table(story: Story) -> str:
    """Show what one guest asked and got, and how long each step took."""
    return "\n".join(
        (
            RULE,
            f"{story.name}  {story.client}  {story.mac}",
            *([f"({story.habit})"] if story.habit else []),
            "",
            line("asked", "got", "ms"),
            *exchange(story.dhcp),
            *configured(story),
            *(request(row) for row in story.crawl),
            "",
        )
    )


def exchange(events: Sequence[Event]) -> Iterator[str]:
    for event in events:
        answer = f"{event['reply']:<5} {event['ip']}" if event["reply"] else "silence"
        took = f"{int(event['us'] or 0) / 1000:.2f}"
        yield line(f"DHCP {event['type']}", answer, took)


def configured(story: Story) -> Iterator[str]:
    """Show what `ip` says in the guest, once its client was done."""
    took = f"{story.client_ms:.0f}"
    said = [
        *(f"address {each}" for each in story.addresses),
        *(f"{to} via {by}" for to, by in story.routes.items() if by),
    ]
    for number, each in enumerate(said):
        first = number == 0
        yield line(
            "  ... its client is done" if first else "", each, took if first else ""
        )


def request(row: Row) -> str:
    first, *more = row.text.splitlines() or [""]
    rest = f" (+{len(more)} lines)" if len(more) > 1 else " (+1 line)" if more else ""
    got = f"{row.status} {fit(first, GOT - 4 - len(rest)).rstrip()}{rest}"
    return line(f"GET {row.path}", got, f"{row.milliseconds:.2f}")


def look_around(
    entrances: Mapping[str, Sequence[str]], commands: Sequence[Sequence[str]]
) -> str:
    """Tell how to enter what is there, and what to try in the hypervisor."""
    width = max(map(len, entrances))
    doors = (f"  {name:<{width}}  {shlex.join(to)}" for name, to in entrances.items())
    tries = (f"  # {shlex.join(command)}" for command in commands)
    return "\n".join(
        (
            RULE,
            "To look around, as root, from another terminal:",
            "",
            *doors,
            "",
            "In the hypervisor:",
            "",
            *tries,
            "",
            "In a guest: ip address; ip route; curl 169.254.169.254/latest/meta-data/",
            "",
        )
    )


def ending(stories: Sequence[Story], seconds: float) -> str:
    """Sum up."""
    rows = [row for story in stories for row in story.crawl]
    good = sum(row.status == 200 for row in rows)
    return (
        f"{len(stories)} guests up in {seconds:.1f} s:"
        f" {len(rows)} requests, {good} answered with 200."
    )
