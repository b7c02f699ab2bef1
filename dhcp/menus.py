"""What each guest is told, remembered for its next message."""

from .assembly import Menu
from .assembly import choose
from .bindings import Binding
from .clients import Client
from .levels import configured
from .network import Network
from .network import Range

MENUS_AT_MOST = 4096  # guests

# a menu holds as long as it was made from these very values
Made = tuple[Network, Range, Binding | None, Client, Menu]


class Menus:
    """The last menu of each guest, in a table that is bounded."""

    def __init__(self) -> None:
        self._made: dict[bytes | None, Made] = {}

    def choose(
        self, network: Network, place: Range, binding: Binding | None, client: Client
    ) -> Menu:
        """Return what *client*, which has *binding*, is told in *place*."""
        guest = None if binding is None else binding.hardware.octets
        kept = self._made.get(guest)
        if (
            kept is not None
            and kept[0] is network
            and kept[1] is place
            and kept[2] is binding
            and kept[3] == client
        ):
            return kept[4]
        if len(self._made) >= MENUS_AT_MOST:
            self._made.clear()
        menu = choose(configured(network, place, binding, client), network, client)
        self._made[guest] = network, place, binding, client, menu
        return menu

    def __len__(self) -> int:
        return len(self._made)
