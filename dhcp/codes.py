"""Numbers of the DHCP protocol, under the names that their RFCs give them."""

from enum import IntEnum
from typing import Self


class Op(IntEnum):
    """RFC 2131 section 2."""

    BOOTREQUEST = 1
    BOOTREPLY = 2


class MessageType(IntEnum):
    """Option 53 (RFC 2132 section 9.6)."""

    DISCOVER = 1
    OFFER = 2
    REQUEST = 3
    DECLINE = 4
    ACK = 5
    NAK = 6
    RELEASE = 7
    INFORM = 8


class OptionCode(IntEnum):
    """An option's code; every number of an octet is one, named or not."""

    PAD = 0
    SUBNET_MASK = 1
    ROUTER = 3
    DOMAIN_NAME_SERVER = 6
    HOST_NAME = 12
    DOMAIN_NAME = 15
    INTERFACE_MTU = 26
    BROADCAST_ADDRESS = 28
    NTP_SERVERS = 42
    REQUESTED_IP_ADDRESS = 50
    LEASE_TIME = 51
    OVERLOAD = 52
    MESSAGE_TYPE = 53
    SERVER_ID = 54
    PARAMETER_REQUEST_LIST = 55
    MESSAGE = 56
    MAXIMUM_MESSAGE_SIZE = 57
    RENEWAL_TIME = 58
    REBINDING_TIME = 59
    VENDOR_CLASS_ID = 60
    CLIENT_ID = 61
    TFTP_SERVER_NAME = 66
    BOOT_FILE_NAME = 67
    USER_CLASS = 77
    RAPID_COMMIT = 80
    CLIENT_FQDN = 81
    RELAY_AGENT_INFORMATION = 82
    CLIENT_ARCHITECTURE = 93
    CLIENT_MACHINE_ID = 97
    IPV6_ONLY_PREFERRED = 108
    AUTO_CONFIGURE = 116
    DOMAIN_SEARCH = 119
    CLASSLESS_STATIC_ROUTES = 121
    IPXE_ENCAPSULATED = 175
    MICROSOFT_CLASSLESS_STATIC_ROUTES = 249
    END = 255

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        if not isinstance(value, int) or not 0 <= value <= 255:
            return None
        member = int.__new__(cls, value)
        member._name_ = f"OPTION_{value}"
        member._value_ = value
        return member


INFINITE = 0xFFFFFFFF  # seconds: a lease that never ends (RFC 2131 section 3.3)
BROADCAST_FLAG = 0x8000  # RFC 2131 figure 2
SERVER_PORT = 67
CLIENT_PORT = 68
