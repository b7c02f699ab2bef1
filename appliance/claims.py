"""Guests with a NIC in two networks, each of which claims the way to 169.254.169.254.

A guest can have that route once: with two, the NIC that came up last decides which
network is asked, and there the other's guest is nobody.  NICs are of one guest by its
instance_id, or where a binding's `interfaces` names the other's MAC.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from .records import Record


@dataclass(frozen=True, slots=True)
class Nic:
    """One binding, and the network that it is of."""

    network: str
    record: Record

    @property
    def names(self) -> set[str]:
        """What this guest's NICs have in common: an id, or a MAC."""
        record = self.record
        macs = {str(record.mac), *(str(each.mac) for each in record.interfaces)}
        return macs if record.instance_id is None else {record.instance_id, *macs}

    @property
    def claims(self) -> bool:
        """Whether it has the route because nobody said that it has not."""
        binding = self.record.binding
        return binding.default_network and binding.metadata_route is None

    def __str__(self) -> str:
        return f"{self.record.ip} of {self.network}"


def contested(nics: Iterable[Nic]) -> list[tuple[Nic, Nic]]:
    """Return pairs of NICs of one guest, in two networks, that both claim the route.

    Where one was told to (metadata_route) it is meant.
    """
    named: dict[str, list[Nic]] = defaultdict(list)
    found: dict[tuple[str, str], tuple[Nic, Nic]] = {}
    for nic in nics:
        if not nic.claims:
            continue
        for name in sorted(nic.names):
            for other in named[name]:
                if other.network != nic.network:
                    found.setdefault((str(other), str(nic)), (other, nic))
            named[name].append(nic)
    return list(found.values())


def left_to(other: Nic, own: Nic) -> str:
    """Say in a line that a new NIC does not claim what another has."""
    return (
        f"{own} is a further NIC of the guest of {other}, which keeps the route to"
        " 169.254.169.254; if both are meant: --metadata-route yes"
    )


def own_id(nic: Nic) -> str:
    """Say in a line that a new further NIC is told another id than its guest."""
    return (
        f"{nic} is told an instance_id of its own, and its guest takes itself for a new"
        f" one if it asks by this NIC: --instance-id ID, which metalease show"
        f" {nic.network} IP tells of its first"
    )


def advice(one: Nic, other: Nic) -> str:
    """Say in a line what is wrong with a pair, and what to do."""
    return (
        f"{one} and {other} are one guest's, and both give it the route to"
        " 169.254.169.254: say which does not by metalease put"
        f" {other.network} {other.record.ip} --metadata-route no"
        " (or --no-default; yes where both are meant)"
    )
