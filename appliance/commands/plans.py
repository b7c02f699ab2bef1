"""Write a plan: all of it is checked, then all of it is written, or nothing is.

What is there already stays as it is, so nothing is overwritten, and what a failure
leaves behind is what this call has made.
"""

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

from rewrite.errors import RuleSyntaxError
from rewrite.ruleset import RuleSet

from ..change import bring_in_force
from ..directory import SUFFIX
from ..errors import NOT_RUNNING
from ..errors import SettingsError
from ..files import locked
from ..files import make_state_directory
from ..files import remove_file
from ..files import write_private_file
from ..files import write_public_file
from ..layout import Layout
from ..layout import NetworkLayout
from ..migration.plan import SHARED
from ..migration.plan import Guest
from ..migration.plan import NetworkPlan
from ..networks import check_others
from ..reader import parse_toml
from ..records import Record
from ..records import read_record
from ..resolver.zonefile import parse_zone
from ..settings import Settings
from ..settings import parse_settings
from ..writing import octets_at
from ..writing import write_all
from .screen import warn


def check_plan(layout: Layout, plan: NetworkPlan) -> tuple[Settings, list[Record]]:
    """Return what the daemon would read of *plan*; raises SettingsError."""
    files = layout.network(plan.name)
    origin = plan.origin
    settings = parse_settings(files, plan.settings, Path(origin))
    check_others(settings, layout, report=warn)
    try:
        RuleSet.parse((f"{origin} as rules", plan.rules), include=lambda _: None)
    except RuleSyntaxError as problem:
        where = f"{problem.file}:{problem.line}:{problem.column}"
        raise SettingsError(where, problem.what) from None
    try:
        parse_zone(plan.zone, settings.network.domain)
    except ValueError as problem:
        raise SettingsError(f"{origin} as zone", str(problem)) from None
    records = [
        read_record(_values(each), f"{origin}: {each.ip}", settings)
        for each in plan.guests
    ]
    _check_once(plan)
    return settings, records


def write_plan(layout: Layout, plan: NetworkPlan, *, served: bool = False) -> None:
    """Write the network with its guests, and have them in force.

    While it is *served* by another program `metalease host` leaves a new one alone.

    Writing what is there already changes nothing. Raises SettingsError, and leaves
    nothing new, where a file is there that says something else.
    """
    files = layout.network(plan.name)
    check_plan(layout, plan)
    _check_settings(files, plan)
    state, public = _state(files, plan), _public(files, plan)
    with locked(files.lock):
        fresh = {path for path in (*state, *public) if octets_at(path) is None}
        if served and files.settings in fresh:
            make_state_directory(files.state)
            write_private_file(files.not_in_service, b"")
            fresh.add(files.not_in_service)
        for path, octets in {**state, **public}.items():
            if path not in fresh and octets_at(path) != octets:
                raise _other(path, octets)
        try:
            write_all(state, None, files.metadata)
            for path, octets in public.items():
                if path in fresh:
                    write_public_file(path, octets)
        except BaseException:
            for path in fresh:
                with suppress(SettingsError):  # it is not there: that was the failure
                    remove_file(path)
            raise
    macs = [each.mac.replace(":", "") for each in plan.guests]
    try:
        bring_in_force(files, macs, "all is written")
    except SettingsError as problem:
        if problem.exit_code != NOT_RUNNING:
            raise


def _values(guest: Guest) -> dict[str, Any]:
    return {"mac": guest.mac, "ip": guest.ip} | dict(guest.values)


def _check_once(plan: NetworkPlan) -> None:
    """Refuse two guests with one address, or one MAC with two."""
    for what in ("mac", "ip"):
        seen: set[str] = set()
        for each in plan.guests:
            key = str(getattr(each, what))
            if key in seen:
                raise SettingsError(
                    f"{plan.origin}: {key}", f"two bindings have this {what}"
                )
            seen.add(key)


def _state(files: NetworkLayout, plan: NetworkPlan) -> dict[Path, bytes]:
    """Return documents, then bindings: who is bound has its documents."""
    wanted: dict[Path, bytes] = {}
    for (owner, path), octets in plan.documents.items():
        top = files.shared if owner == SHARED else files.metadata / owner
        wanted[top / path] = octets
    for guest in plan.guests:
        name = guest.mac.replace(":", "") + SUFFIX
        text = json.dumps(_values(guest), indent=1, ensure_ascii=False) + "\n"
        wanted[files.bindings / name] = text.encode()
    return wanted


def _public(files: NetworkLayout, plan: NetworkPlan) -> dict[Path, bytes]:
    """Return the network's own files; the last is the one that makes it a network."""
    import toml

    wanted: dict[Path, bytes] = {}
    if plan.rules:
        wanted[files.rules] = plan.rules.encode()
    if plan.zone:
        wanted[files.zone] = plan.zone.encode()
    if not files.settings.exists():  # `_check_settings` has compared it else
        wanted[files.settings] = (plan.head + toml.dumps(plan.settings)).encode()
    return wanted


def _check_settings(files: NetworkLayout, plan: NetworkPlan) -> None:
    """Refuse a network that is there with other settings; raises SettingsError."""
    octets = octets_at(files.settings)
    if octets is None:
        return
    there = parse_toml(octets.decode(errors="replace"), files.settings)
    key = _difference(there, plan.settings)
    if key is not None:
        raise SettingsError(
            f"{files.settings}: {key}",
            "is not what the migration says: choose another --network,"
            " or net rm this one first",
        )


def _difference(there: Any, wanted: Any, at: str = "") -> str | None:
    if not (isinstance(there, dict) and isinstance(wanted, dict)):
        return None if there == wanted else at
    for key in sorted({*there, *wanted}):
        found = _difference(there.get(key), wanted.get(key), f"{at}.{key}".lstrip("."))
        if found is not None:
            return found
    return None


def _other(path: Path, wanted: bytes) -> SettingsError:
    where = str(path)
    if path.suffix == SUFFIX:
        try:
            there = json.loads(octets_at(path) or b"")
            where += f": {_difference(there, json.loads(wanted))}"
        except ValueError:
            pass  # no binding at all: its name says enough
    return SettingsError(
        where, "is there already and says something else: remove it, then migrate again"
    )
