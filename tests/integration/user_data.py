"""User-data of every kind, and what cloud-init must have done with it."""

import gzip
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText

from .cloud_init import Instance

TEXT = "\u00e4\u20ac\U0001f427"
CLOUD_CONFIG = f"""\
#cloud-config
write_files: [{{path: /var/written, content: "{TEXT}"}}]
bootcmd: [[sh, -c, "echo boot >>/var/boots"]]
runcmd: [[sh, -c, "echo run >>/var/runs"]]
"""
SCRIPT = "#!/bin/sh\necho script >>/var/scripts\n"
CONFIGURED = {"/var/written": TEXT, "/var/boots": "boot\n", "/var/runs": "run\n"}
SCRIPTED = {"/var/scripts": "script\n"}


def multipart() -> bytes:
    message = MIMEMultipart(boundary="==part==")
    message.attach(MIMEText(CLOUD_CONFIG, "cloud-config", "utf-8"))
    message.attach(MIMEText(SCRIPT, "x-shellscript"))
    return message.as_bytes()


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of user-data, and the files that it leaves in its guest."""

    octets: bytes | None
    effect: Mapping[str, str] = field(default_factory=dict)
    complaint: str = ""
    """What cloud-init says of user-data that is for somebody else."""


KINDS = {
    "cloud-config": Kind(CLOUD_CONFIG.encode(), CONFIGURED),
    "script": Kind(SCRIPT.encode(), SCRIPTED),
    "multipart": Kind(multipart(), CONFIGURED | SCRIPTED),
    "gzip": Kind(gzip.compress(CLOUD_CONFIG.encode(), mtime=0), CONFIGURED),
    # every octet, no UTF-8, and more than the daemon answers in line
    "binary": Kind(
        b"\x00\xff\xfe" + bytes(range(256)) * 400,
        complaint="Unhandled non-multipart (text/x-not-multipart) userdata",
    ),
    "none": Kind(None),
}


def effects(instance: Instance) -> dict[str, str]:
    """What any of it has done in a guest."""
    found = {path: instance.text(path) for path in CONFIGURED | SCRIPTED}
    return {path: text for path, text in found.items() if text}
