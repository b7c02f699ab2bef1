"""DECLINE and RELEASE: what a client says last, and nobody answers (dhcp 34, 35)."""

from .bindings import Binding
from .codes import OptionCode
from .decision import Reason
from .decision import Silence
from .destination import Arrival
from .message import Message
from .network import Network
from .option_text import printable
from .pool import Pool


def decline(
    request: Message,
    network: Network,
    bound: Binding | Silence,
    pool: Pool | None,
    now: float,
) -> Silence:
    """Take note that a client found its address in use; *bound* is its binding.

    A binding stays in force: its owner is told, and mends the link.  An address of the
    pool rests for a while.
    """
    declined = request.options.address(OptionCode.REQUESTED_IP_ADDRESS)
    selected = request.options.address(OptionCode.SERVER_ID)
    if selected not in network.server_ids:
        return Silence(Reason.OTHER_SERVER)
    said = printable(request.options.get(OptionCode.MESSAGE) or b"")
    if (
        pool is not None
        and declined is not None
        and pool.decline(request.chaddr, declined, now)
    ):
        return Silence(Reason.QUARANTINED, said)
    if isinstance(bound, Silence):
        return bound
    if declined != bound.address:
        return Silence(Reason.NOT_OURS)
    return Silence(Reason.CONFLICT, said)


def release(
    request: Message,
    arrival: Arrival,
    network: Network,
    bound: Binding | Silence,
    pool: Pool | None,
    now: float,
) -> Silence:
    """Take note that a client needs its address no more; *bound* is its binding."""
    selected = request.options.address(OptionCode.SERVER_ID)
    if selected is None:  # networkd leaves it out, and says whom it means by IP
        selected = arrival.destination
    if selected not in network.server_ids:
        return Silence(Reason.OTHER_SERVER)
    if pool is not None and pool.release(request.chaddr, request.ciaddr, now):
        return Silence(Reason.RELEASED)
    if isinstance(bound, Silence):
        return bound
    if request.ciaddr != bound.address:
        return Silence(Reason.NOT_OURS)
    return Silence(Reason.RELEASED)
