"""The way back: everything as it was found, from wherever the way there ended.

Each step looks what is to be undone, so that it can be taken twice, and one that fails
keeps no other from being taken.
"""

from ..errors import SettingsError
from ..files import make_state_directory
from ..files import write_private_file
from ..layout import NetworkLayout
from ..settings import Settings
from ..veth import Pair
from ..veth import bridged
from . import bound
from . import journal
from . import jump
from . import ours
from . import place
from . import theirs
from .found import Found
from .guest import Guest


async def undo(files: NetworkLayout, settings: Settings, found: Found) -> list[str]:
    """Put everything back; return what could not be.

    The journal goes when all is as it was.
    """
    problems = []
    steps = (_leave, _stop_ours, _place, _jump, _start, _guest, _compare)
    for step in steps:
        try:
            await step(files, settings, found)
        except Exception as problem:  # whatever it is, the other steps are taken
            problems.append(str(problem) or repr(problem))
    if not problems:
        try:
            journal.close(files)
        except SettingsError as problem:
            problems.append(str(problem))
    return problems


async def _leave(files: NetworkLayout, settings: Settings, found: Found) -> None:
    """Have `metalease host` leave it alone: it would repair what is put back."""
    if files.not_in_service.exists():
        return
    make_state_directory(files.state)
    write_private_file(files.not_in_service, b"")


async def _stop_ours(files: NetworkLayout, settings: Settings, found: Found) -> None:
    await (await ours.choose(files.layout)).stop(files)
    await ours.until_let_go(files)


async def _place(files: NetworkLayout, settings: Settings, found: Found) -> None:
    place.restore(settings.attachment, found.place)


async def _jump(files: NetworkLayout, settings: Settings, found: Found) -> None:
    if found.jump is not None:
        await jump.put_back(found.jump)


async def _start(files: NetworkLayout, settings: Settings, found: Found) -> None:
    where = bridged(settings.attachment).namespace
    await theirs.start(where, found.roots)
    await theirs.until_served(where, found.sockets)


async def _guest(files: NetworkLayout, settings: Settings, found: Found) -> None:
    guest = Guest.of(Pair.of(settings.attachment))
    guest.unplug()
    bound.unbind(files, guest.mac)


async def _compare(files: NetworkLayout, settings: Settings, found: Found) -> None:
    left = place.differences(settings.attachment, found.place)
    if left:
        raise SettingsError(f"network {files.name}", "; ".join(left))
