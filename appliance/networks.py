"""The networks of a host: which can live beside each other, and how one goes."""

from collections.abc import Callable

from .attachment import Bridged
from .bell import ring
from .change import PATIENCE
from .errors import NOT_RUNNING
from .errors import SettingsError
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
    where = settings.attachment.where
    for name in layout.network_names():
        if name == settings.name:
            continue
        try:
            other = load_settings(layout.network(name))
        except SettingsError as problem:
            report(problem)
            continue
        there = other.attachment.where
        if isinstance(where, Bridged) and isinstance(there, Bridged):
            if where.namespace == there.namespace:
                raise SettingsError(
                    f"{settings.file}: attach.namespace",
                    f"{where.namespace!r} is network {name}'s: choose another",
                )
            if where.bridge != there.bridge:
                continue
        elif where != there:
            continue
        for subnet in settings.attachment.subnets:
            if any(subnet.overlaps(each) for each in other.attachment.subnets):
                raise SettingsError(
                    f"{settings.file}: network.subnet",
                    f"{subnet} overlaps network {name}, which is on the same link",
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


def take_away(files: NetworkLayout) -> None:
    """Remove a network that is not running, with all that is bound in it.

    Raises SettingsError.
    """
    attachment = load_settings(files).attachment
    demand_stopped(files)
    if isinstance(attachment.where, Bridged):
        from . import links  # slow to import, and not every network has any

        links.down(attachment)
    remove_file(files.settings)
    remove_tree(files.state)
    remove_tree(files.runtime)
