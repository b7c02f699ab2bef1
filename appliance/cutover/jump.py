"""ZStack's rewriting of the metadata's MAC, taken out of the way and put back.

In table nat of ebtables, PREROUTING jumps to a chain USERDATA-.. that gives what guests
say to 169.254.169.254 the MAC that innerN had (zstack 2.5). `up` gives innerN another,
and steers by nftables; left in place, the old rule would send it all to nobody.
"""

import os
import shlex
import shutil
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

import trio

from dhcp.hardware import HardwareAddress

from ..errors import SettingsError
from .found import Jump

CHAIN: Final = "PREROUTING"
TARGET: Final = "USERDATA-"
ANSWER_WITHIN: Final = 30.0  # seconds

_JUMPS: Final = ("-j", "--jump")
_BRIDGES: Final = ("--logical-in", "--logical-in-interface")
_MACS: Final = ("--to-dst", "--to-destination")


def rules(listing: str) -> list[list[str]]:
    """Read `ebtables -L CHAIN`: each rule as its words, in order."""
    lines = (line.strip() for line in listing.splitlines())
    return [shlex.split(line) for line in lines if line.startswith("-")]


def word_after(rule: Sequence[str], names: Sequence[str]) -> str | None:
    """Return what follows the option that *names* are names of."""
    return next((value for name, value in pairwise(rule) if name in names), None)


def rewrites_to(chain: str, mac: HardwareAddress) -> bool:
    """Whether a rule of the *chain*, as it is listed, gives frames this *mac*."""
    return any(_mac(word_after(each, _MACS)) == mac for each in rules(chain))


def _mac(word: str | None) -> HardwareAddress | None:
    """Read a MAC as ebtables writes it: its leading zeros may be missing."""
    if word is None:
        return None
    octets = (each.rjust(2, "0") for each in word.split(":"))
    try:
        return HardwareAddress.parse(":".join(octets))
    except ValueError:
        return None


async def find(bridge: str, mac: HardwareAddress) -> Jump | None:
    """Return the jump that leads frames of *bridge* to a rewriting to *mac*.

    None where there is none, or no ebtables. Raises SettingsError.
    """
    if _program() is None:
        return None
    for number, words in enumerate(rules(await _ebtables("-L", CHAIN)), 1):
        target = word_after(words, _JUMPS) or ""
        here = word_after(words, _BRIDGES) in (bridge, None)
        if not (target.startswith(TARGET) and here):
            continue
        if rewrites_to(await _ebtables("-L", target), mac):
            return Jump(number, tuple(words))
    return None


async def remove(jump: Jump) -> None:
    """Raises SettingsError."""
    await _ebtables("-D", CHAIN, *jump.words)


async def put_back(jump: Jump) -> None:
    """Put *jump* where it was, unless it is there. Raises SettingsError."""
    present = rules(await _ebtables("-L", CHAIN))
    if list(jump.words) not in present:
        number = min(jump.number, len(present) + 1)
        await _ebtables("-I", CHAIN, str(number), *jump.words)


def _program() -> str | None:
    search = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"))
    return shutil.which("ebtables", path=search)


async def _ebtables(*words: str) -> str:
    program = _program()
    if program is None:
        raise SettingsError("ebtables", "is not installed any more")
    try:
        with trio.fail_after(ANSWER_WITHIN):
            done = await trio.run_process(
                [program, "-t", "nat", *words],
                capture_stdout=True,
                capture_stderr=True,
                check=False,
                start_new_session=True,  # Ctrl-C is ours, who may be putting it back
            )
    except trio.TooSlowError:
        what = f"has not ended in {ANSWER_WITHIN:.0f} s"
        raise SettingsError("ebtables", what) from None
    except (OSError, ExceptionGroup) as problem:  # the group is trio 0.22's
        raise SettingsError(program, f"cannot be run: {problem}") from None
    if done.returncode:
        lines = done.stderr.decode(errors="replace").strip().splitlines()
        said = (lines or [f"exit {done.returncode}"])[0]
        raise SettingsError(f"ebtables -t nat {shlex.join(words)}", said)
    return done.stdout.decode(errors="replace")
