"""The networks of a host: which can live beside each other, and how one goes."""

import os
from collections.abc import Callable
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .attachment import Bridged
from .bell import ring
from .change import PATIENCE
from .errors import NOT_RUNNING
from .errors import SettingsError
from .files import TEMPORARY
from .files import remove_file
from .files import remove_tree
from .layout import Layout
from .layout import NetworkLayout
from .settings import Settings
from .settings import load_settings


def check_others(
    settings: Settings, layout: Layout, *, report: Callable[[SettingsError], object]
) -> None:
    """Refuse what cannot live beside the networks that are here.

    Raises SettingsError; a network that cannot be read is told to *report* alone.
    """
    for name in layout.network_names():
        if name == settings.name:
            continue
        try:
            other = load_settings(layout.network(name))
        except SettingsError as problem:
            report(problem)
            continue
        check_beside(settings, other)


def check_beside(settings: Settings, other: Settings) -> None:
    """Refuse *settings* where it cannot live beside *other*. Raises SettingsError."""
    where, there = settings.attachment.where, other.attachment.where
    if isinstance(where, Bridged) and isinstance(there, Bridged):
        if where.namespace == there.namespace:
            raise SettingsError(
                f"{settings.file}: attach.namespace",
                f"{where.namespace!r} is network {other.name}'s: choose another",
            )
        if where.bridge != there.bridge:
            return
    elif where != there:
        return
    for subnet in settings.attachment.subnets:
        if any(subnet.overlaps(each) for each in other.attachment.subnets):
            raise SettingsError(
                f"{settings.file}: network.subnet",
                f"{subnet} overlaps network {other.name}, which is on the same link",
            )


def is_running(files: NetworkLayout) -> bool:
    """Whether the network's daemon answers, or somebody in its place."""
    try:
        ring(files.control_socket, {"op": "ping"}, timeout=PATIENCE)
    except SettingsError as problem:
        return problem.exit_code != NOT_RUNNING
    return True


def demand_stopped(files: NetworkLayout) -> None:
    """Raise SettingsError where the network's daemon runs."""
    if is_running(files):
        what = "its daemon is running: stop it first"
        raise SettingsError(f"network {files.name}", what)


def show_host(files: NetworkLayout) -> str:
    """Have `metalease host` see now that a network has come or gone.

    Returns what it cannot make of it, "" where all is well or nobody is there: it
    looks at its start, and once a second. Raises SettingsError when it may not be rung.
    """
    request = {"op": "look", "network": files.name}
    try:
        answer = ring(files.layout.host_socket, request, timeout=PATIENCE)
    except SettingsError as problem:
        if problem.exit_code == NOT_RUNNING:
            return ""
        raise
    return "" if answer.get("ok") else str(answer.get("error"))


def take_away(files: NetworkLayout) -> None:
    """Remove a network that is not running, with all that is bound in it.

    Where another program serves it still, the links are that one's, and stay.
    Raises SettingsError.
    """
    attachment = load_settings(files).attachment
    where = attachment.where
    demand_stopped(files)
    with _out_of_sight(files):
        if isinstance(where, Bridged) and not files.not_in_service.exists():
            from . import links  # slow to import, and not every network has any
            from . import namespace

            # it was once on another bridge, and is still known by that name
            names = namespace.RUN_NETNS.glob(f"*_{files.name}")
            earlier = [each for each in names if namespace.same(each, where.netns)]
            links.down(attachment)
            for name in earlier:
                namespace.unname(name)
    remove_tree(files.state)
    remove_tree(files.runtime)


@contextmanager
def _out_of_sight(files: NetworkLayout) -> Iterator[None]:
    """Have `metalease host` let go of a network: else it heals what is taken down.

    The network's file is gone at the end; what fails puts it back.
    """
    aside = files.settings.with_name(f".{files.settings.name}{TEMPORARY}")
    _rename(files.settings, aside)
    try:
        show_host(files)
        yield
    except BaseException:  # Ctrl-C too
        _rename(aside, files.settings)
        raise
    remove_file(aside)


def _rename(path: Path, other: Path) -> None:
    try:
        os.replace(path, other)
    except OSError as problem:
        raise SettingsError(path, f"cannot be moved: {problem.strerror}") from None
