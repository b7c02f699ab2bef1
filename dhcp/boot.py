"""Network boot: which file a PXE, HTTP or iPXE client is told (RFC 4578).

A first stage is a program for the client's architecture; iPXE, once it runs, gets a
script.  Without a word of the operator nobody is told anything (dhcp 65).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from dataclasses import replace
from ipaddress import IPv4Address

from .codes import OptionCode
from .options import Options

PXE = b"PXEClient"
HTTP = b"HTTPClient"
IPXE = b"iPXE"
FILE_AT_MOST = 127  # octets of the field `file`, its null apart
SERVER_NAME_AT_MOST = 63  # octets of the field `sname`, its null apart
URL_AT_MOST = 255  # octets of option 67

# Numbers of option 93 (IANA, "Processor Architecture Types") by an operator's word.
ARCHITECTURES: Mapping[str, tuple[int, ...]] = {
    "bios": (0,),
    "efi32": (6,),
    "efi64": (7, 9),
    "arm32": (10,),
    "arm64": (11,),
    "http_efi32": (15,),
    "http_efi64": (16,),
    "http_arm32": (18,),
    "http_arm64": (19,),
}


@dataclass(frozen=True, slots=True)
class BootAnswer:
    """What one client is told about its boot."""

    vendor_class: bytes
    """Option 60 of the answer: a PXE or HTTP client waits for its own word."""
    file: bytes
    server: IPv4Address | None
    server_name: bytes

    @property
    def options(self) -> dict[int, bytes]:
        """Options 60, 66 and 67, as values."""
        name = self.server_name or (str(self.server).encode() if self.server else b"")
        options = {int(OptionCode.VENDOR_CLASS_ID): self.vendor_class}
        if name:
            options[OptionCode.TFTP_SERVER_NAME] = name
        options[OptionCode.BOOT_FILE_NAME] = self.file
        return options

    @property
    def unasked(self) -> tuple[int, ...]:
        """Codes that are sent to who did not ask for them."""
        if self.vendor_class == HTTP or len(self.file) > FILE_AT_MOST:
            return OptionCode.VENDOR_CLASS_ID, OptionCode.BOOT_FILE_NAME
        return (OptionCode.VENDOR_CLASS_ID,)

    def as_told(self, told: Mapping[int, bytes]) -> "BootAnswer":
        """Return the answer whose header says what 66 and 67 of *told* say.

        A nearer level may have others than the boot table, and old loaders look in
        the header alone.
        """
        own = self.options
        answer = replace(self, file=told.get(OptionCode.BOOT_FILE_NAME, self.file))
        name = told.get(OptionCode.TFTP_SERVER_NAME)
        if name is None or name == own.get(OptionCode.TFTP_SERVER_NAME):
            return answer
        try:
            return replace(answer, server=IPv4Address(name.decode()), server_name=b"")
        except ValueError:
            short = name if len(name) <= SERVER_NAME_AT_MOST else b""
            return replace(answer, server=None, server_name=short)


@dataclass(frozen=True, slots=True)
class Boot:
    """[dhcp.boot]: the operator's files.

    Raises ValueError for a name that no option could carry.
    """

    server: IPv4Address | None = None
    """siaddr: where the files are, by TFTP."""
    server_name: str = ""
    files: Mapping[int, str] = field(default_factory=dict)
    """By number of option 93."""
    script: str | None = None
    """For iPXE."""

    def __post_init__(self) -> None:
        for name in (*self.files.values(), *filter(None, (self.script,))):
            if not 0 < len(name.encode()) <= URL_AT_MOST:
                raise ValueError(f"{name!r} is not 1 to {URL_AT_MOST} octets long")
            if not name.isprintable():
                raise ValueError(f"{name!r} holds a control character")
        if len(self.server_name.encode()) > SERVER_NAME_AT_MOST:
            raise ValueError(
                f"{self.server_name!r} is longer than {SERVER_NAME_AT_MOST} octets"
            )

    def answer(self, options: Options) -> BootAnswer | None:
        """Return what a client that sends *options* is told; None for nothing."""
        said = options.get(OptionCode.VENDOR_CLASS_ID) or b""
        kind = next((kind for kind in (PXE, HTTP) if said.startswith(kind)), None)
        if is_ipxe(options):
            # the program again would only load itself
            name, kind = self.script, kind or PXE
        elif kind is not None:
            name = self.files.get(architecture(options))
        else:
            name = None
        if name is None or kind is None:
            return None
        return BootAnswer(kind, name.encode(), self.server, self.server_name.encode())


def is_pxe(options: Options) -> bool:
    """Whether the client boots by PXE (its UUID, option 97, is echoed)."""
    return (options.get(OptionCode.VENDOR_CLASS_ID) or b"").startswith(PXE)


def is_ipxe(options: Options) -> bool:
    """Whether the client is iPXE: by its user class, or its own option 175."""
    if OptionCode.IPXE_ENCAPSULATED in options:
        return True
    return IPXE in user_classes(options.get(OptionCode.USER_CLASS) or b"")


def user_classes(value: bytes) -> list[bytes]:
    """Return the classes in option 77: RFC 3004's list, or the bare text iPXE sends."""
    found = []
    at = 0
    while at < len(value):
        stop = at + 1 + value[at]
        if stop > len(value) or not value[at]:
            return [value]
        found.append(value[at + 1 : stop])
        at = stop
    return [value, *found]


def architecture(options: Options) -> int:
    """Return the first number of option 93, or what option 60 says; 0 is a BIOS."""
    value = options.get(OptionCode.CLIENT_ARCHITECTURE) or b""
    if len(value) >= 2:
        return int.from_bytes(value[:2], "big")
    _, found, rest = (options.get(OptionCode.VENDOR_CLASS_ID) or b"").partition(
        b":Arch:"
    )
    digits = rest[:5]
    return int(digits) if found and digits.isdigit() else 0
