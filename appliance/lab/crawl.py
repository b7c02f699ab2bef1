"""The requests that cloud-init makes for EC2 metadata (clients.md, C33 to C35).

Run by path inside a guest, as `python -I -S crawl.py`, it prints one JSON object a
request, as it is answered. Like cloud-init it opens a connection for every URL and
follows the listings: directories first, depth first, then the leaves. Unlike it, it
tries a refused leaf once only, since here somebody is watching.
"""

import http.client
import json
import time
from collections.abc import Callable
from collections.abc import Iterator
from dataclasses import asdict
from dataclasses import dataclass
from urllib.parse import quote

SERVER = "169.254.169.254"
OLDEST = "2009-04-04"
NEWER = ("2021-03-23", "2018-09-24", "2016-09-02")
ANSWER_WITHIN = 10.0  # seconds
TRIES = 10  # for the first answer, one a second


@dataclass(frozen=True, slots=True)
class Row:
    """One request and what came back."""

    path: str
    status: int
    """0 when no answer came; then *text* says why."""
    size: int
    milliseconds: float
    text: str


Fetch = Callable[[str], Row]


def fetch(path: str) -> Row:
    """GET *path* on a connection of its own."""
    began = time.monotonic()
    connection = http.client.HTTPConnection(SERVER, timeout=ANSWER_WITHIN)
    try:
        connection.request("GET", path, headers={"User-Agent": "Cloud-Init/lab"})
        answer = connection.getresponse()
        status, body = answer.status, answer.read()
    except (OSError, http.client.HTTPException) as problem:
        status, body = 0, str(problem).encode()
    finally:
        connection.close()
    took = (time.monotonic() - began) * 1000
    size = len(body) if status else 0
    return Row(path, status, size, round(took, 2), body.decode(errors="replace"))


def crawl(fetch: Fetch) -> Iterator[Row]:
    """Ask what cloud-init asks, in its order."""
    row = None
    for _ in range(TRIES):
        row = fetch(f"/{OLDEST}/meta-data/instance-id")
        yield row
        if row.status == 200 and row.text:
            break
        time.sleep(1.0)
    else:
        return
    version = OLDEST
    for newer in NEWER:
        row = fetch(f"/{newer}/meta-data/instance-id")
        yield row
        if row.status == 200:
            version = newer
            break
    yield fetch(f"/{version}/user-data")
    yield from descend(fetch, f"/{version}/meta-data/")


def descend(fetch: Fetch, directory: str) -> Iterator[Row]:
    """Ask for a listing, then for all that it lists."""
    listing = fetch(directory)
    yield listing
    if listing.status != 200:
        return
    directories, leaves = parse(listing.text)
    for name in directories:
        yield from descend(fetch, f"{directory}{quote(name)}/")
    for name in leaves:
        yield fetch(f"{directory}{quote(name)}")


def parse(listing: str) -> tuple[list[str], list[str]]:
    """Split a listing into directories (`name/`) and leaves (`0=name` is a key)."""
    directories, leaves = [], []
    for line in filter(None, map(str.strip, listing.splitlines())):
        number, equals, _ = line.partition("=")
        if line.rstrip("/") == "security-credentials":
            continue  # C34: it never materialises secrets
        if line.endswith("/"):
            directories.append(line.rstrip("/"))
        elif equals and number.isdigit():
            leaves.append(f"{number}/openssh-key")
        else:
            leaves.append(line)
    return directories, leaves


if __name__ == "__main__":
    for each in crawl(fetch):
        print(json.dumps(asdict(each)), flush=True)
