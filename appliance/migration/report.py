"""What a plan does, for the operator who reads it before --write."""

from collections.abc import Iterable
from collections.abc import Sequence

from .plan import CHANGES
from .plan import LOST
from .plan import MAPS
from .plan import NetworkPlan
from .plan import Note

_HEADS = {
    MAPS: "What maps",
    CHANGES: "What changes for guests",
    LOST: "What does not map",
}


def report(plan: NetworkPlan) -> str:
    """Return the plan in words."""
    head = (
        f"network {plan.name}: {len(plan.guests)} bindings,"
        f" {len(plan.documents)} documents\n"
    )
    return f"{head}\n{list_notes(plan.notes)}"


def list_notes(notes: Sequence[Note]) -> str:
    """Return *notes* by their kinds, a line for each; the same twice is said once."""
    lines: list[str] = []
    for kind, head in _HEADS.items():
        said = _said(each for each in notes if each.kind == kind)
        lines += ["", f"{head}:", *(said or ["  nothing"])]
    return "\n".join(lines[1:]) + "\n"


def _said(notes: Iterable[Note]) -> list[str]:
    places: dict[str, list[str]] = {}
    for each in notes:
        places.setdefault(each.what, []).append(each.where)
    return [
        f"  {where[0]}{_more(len(where) - 1)}: {what}" for what, where in places.items()
    ]


def _more(count: int) -> str:
    return f" (and {count} more)" if count else ""
