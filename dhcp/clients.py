"""What a client says of itself, as far as an answer depends on it.

Its request list, the classes of the configuration that it is in, its kind of boot.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field

from .boot import Boot
from .boot import BootAnswer
from .boot import architecture
from .boot import user_classes
from .codes import OptionCode
from .options import Options


@dataclass(frozen=True, slots=True)
class ClientClass:
    """[[dhcp.class]]: what clients of one kind are told.

    A client is in it when all that is given holds.
    """

    name: str
    vendor_class: bytes | None = None
    """How option 60 begins."""
    user_class: bytes | None = None
    """One of option 77."""
    architectures: tuple[int, ...] = ()
    """Numbers of option 93."""
    options: Mapping[int, bytes] = field(default_factory=dict)
    boot: Boot | None = None

    def holds(self, options: Options) -> bool:
        """Whether a client that sends *options* is in the class."""
        if self.vendor_class is not None:
            said = options.get(OptionCode.VENDOR_CLASS_ID)
            if said is None or not said.startswith(self.vendor_class):
                return False
        if self.user_class is not None:
            said = options.get(OptionCode.USER_CLASS)
            if said is None or self.user_class not in user_classes(said):
                return False
        if not self.architectures:
            return True
        return (
            OptionCode.CLIENT_ARCHITECTURE in options
            and architecture(options) in self.architectures
        )


@dataclass(frozen=True, slots=True)
class Client:
    """One client's part in the choice of options."""

    asked: bytes | None = None
    """Option 55."""
    classes: tuple[ClientClass, ...] = ()
    """The later is the nearer."""
    boot: BootAnswer | None = None


def describe_client(
    options: Options, classes: tuple[ClientClass, ...], boot: Boot | None
) -> Client:
    """Return what *options* say of their sender; the nearest boot table is asked."""
    asked = options.get(OptionCode.PARAMETER_REQUEST_LIST)
    within = tuple(each for each in classes if each.holds(options)) if classes else ()
    for each in within:
        boot = each.boot or boot
    return Client(asked, within, None if boot is None else boot.answer(options))
