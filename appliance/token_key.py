"""The key of a network's session tokens: own/token.key, kept over restarts.

Else every token that a guest holds would be worth nothing after one, and a script that
does not ask for another fails (metadata U15).
"""

import os
import secrets
import time
from collections.abc import Callable
from pathlib import Path

from httpd.gate import Gate
from httpd.tokens import KEY_OCTETS
from httpd.tokens import NONCE_OCTETS
from httpd.tokens import TokenAuthority

from .layout import NetworkLayout

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
KEY_MODE = 0o600


def clock() -> float:
    """Return the seconds since the machine booted: a clock that nobody sets."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def open_gate(files: NetworkLayout, report: Callable[[str], None]) -> Gate:
    """Return the gate of a network; *report* is told why its key is not kept."""
    return _gate(files, _load(files.token_key, report))


def look_at_gate(files: NetworkLayout) -> Gate:
    """Return the gate as it is on disk, for an explanation: nothing is written.

    Without a key that can be read no token holds.
    """
    try:
        key = files.token_key.read_bytes()
    except OSError:
        key = b""
    whole = len(key) == KEY_OCTETS
    return _gate(files, key if whole else secrets.token_bytes(KEY_OCTETS))


def _gate(files: NetworkLayout, key: bytes) -> Gate:
    # the clock begins anew at a boot: tokens from before must not hold again
    scope = BOOT_ID.read_bytes() + files.name.encode()
    return Gate(TokenAuthority(key, scope), lambda: secrets.token_bytes(NONCE_OCTETS))


def _load(path: Path, report: Callable[[str], None]) -> bytes:
    """Return the key that is kept, or a new one, kept if that can be."""
    try:
        key = path.read_bytes()
        if len(key) == KEY_OCTETS:
            return key
        report(f"{path} holds {len(key)} octets, not {KEY_OCTETS}: a new key is made")
    except FileNotFoundError:
        pass
    except OSError as problem:
        report(f"{path} cannot be read ({problem.strerror}): tokens end with us")
        return secrets.token_bytes(KEY_OCTETS)
    key = secrets.token_bytes(KEY_OCTETS)
    try:
        _keep(path, key)
    except OSError as problem:
        report(f"{path} cannot be written ({problem.strerror}): tokens end with us")
    return key


def _keep(path: Path, key: bytes) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        descriptor = os.open(temporary, flags, KEY_MODE)
        with open(descriptor, "wb") as file:
            file.write(key)
            file.flush()
            os.fsync(descriptor)
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
