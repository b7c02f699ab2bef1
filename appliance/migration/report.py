"""What a plan does, for the operator who reads it before --write."""

from .plan import CHANGES
from .plan import LOST
from .plan import MAPS
from .plan import NetworkPlan

_HEADS = {
    MAPS: "What maps",
    CHANGES: "What changes for guests",
    LOST: "What does not map",
}


def report(plan: NetworkPlan) -> str:
    """Return the plan in words, a line for each note."""
    lines = [
        f"network {plan.name}: {len(plan.guests)} bindings,"
        f" {len(plan.documents)} documents"
    ]
    for kind, head in _HEADS.items():
        notes = [each for each in plan.notes if each.kind == kind]
        lines += ["", f"{head}:"]
        lines += [f"  {each.where}: {each.what}" for each in notes] or ["  nothing"]
    return "\n".join(lines) + "\n"
