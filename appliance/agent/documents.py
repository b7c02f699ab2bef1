"""The documents of a guest as ZStack lays them out (zstack 3.1): pure.

Several parts of user-data become one MIME message, as kvmagent makes it: each part is
read as a message itself, and its leaves are attached.  Its boundary follows from the
parts, so the same again is the same octets.
"""

import hashlib
import json
from collections.abc import Sequence
from email import message_from_bytes
from email.mime.multipart import MIMEMultipart

from .guests import Described

INDEX = "meta-data/index.html"
INSTANCE_ID = "meta-data/instance-id"
HOSTNAME = "meta-data/local-hostname"
PVPANIC = "meta-data/pvpanic"
USER_DATA = ("user-data", "user_data")
META_DATA = "meta_data.json"
PASSWORD = "password"
LAYOUT = (INDEX, INSTANCE_ID, HOSTNAME, PVPANIC, *USER_DATA, META_DATA, PASSWORD)


def documents(guest: Described) -> dict[str, bytes]:
    """Return the octets of each of *guest*'s documents by its path; see LAYOUT."""
    leaves = {INSTANCE_ID: guest.uuid.encode()}
    if guest.hostname is not None:
        leaves[HOSTNAME] = guest.hostname.encode()
    index = "\n".join(path.rpartition("/")[2] for path in leaves)
    found = {INDEX: index.encode(), **leaves}
    if guest.pvpanic is not None:
        found[PVPANIC] = guest.pvpanic.encode()
    if guest.parts:
        found |= dict.fromkeys(USER_DATA, packed(guest.parts))
        found[META_DATA] = json.dumps({"uuid": guest.uuid}, indent=4).encode()
        found[PASSWORD] = b""
    return found


def packed(parts: Sequence[str]) -> bytes:
    """Return *parts* as one user-data: a single one as it is."""
    octets = [each.encode("utf-8", "surrogatepass") for each in parts]
    if len(octets) == 1:
        return octets[0]
    stripped = [each.strip() for each in octets]
    whole = MIMEMultipart(boundary=f"==============={_digest(stripped)}==")
    for each in stripped:
        for leaf in message_from_bytes(each).walk():
            if leaf.get_content_maintype() != "multipart":
                whole.attach(leaf)
    return whole.as_bytes()


def _digest(parts: Sequence[bytes]) -> str:
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:32]
