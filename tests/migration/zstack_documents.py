"""The kinds of VMs that a host of ZStack's has, and their documents (zstack 3.1)."""

import json
from dataclasses import dataclass

DEFAULT_INDEX = b""
USER_DATA = "#cloud-config\npackages: [vim]\n# grüße\n"
# what the management server makes of an SSH key and a root password
GENERATED = (
    "#cloud-config\nssh_authorized_keys: [ssh-ed25519 AAAA x]\ndisable_root: false"
)
BOUNDARY = "===============2957811436112357=="


@dataclass(frozen=True, slots=True)
class Kind:
    """What is particular to a VM."""

    name: str
    default: bool = True
    """Its NIC is on the VM's default L3."""
    named: bool = True
    """It has a host name of its own: a hostname tag."""
    parts: tuple[str, ...] | None = None
    """User-data; none at all, and no document but meta-data/, where it is None."""
    two_gateways: bool = False
    """The tag vmMultiGateway."""
    agent: bool = True
    """The management server sends what its agent does (pvpanic)."""
    recent: bool = False
    """By an agent that describes the VM in further files of meta-data/."""
    extra: tuple[str, ...] = ()
    """Files that somebody else has put beside its documents."""


KINDS = (
    Kind("user-data", parts=(USER_DATA,)),
    Kind("second NIC", default=False),
    Kind("meta-data alone"),
    Kind("name of its address", named=False, parts=(USER_DATA,)),
    Kind("two gateways", default=False, two_gateways=True),
    Kind("two parts", parts=(USER_DATA, GENERATED)),
    Kind("empty user-data", parts=("",), agent=False),
    Kind("file of its own", parts=(USER_DATA,), extra=("notes.txt", "own/deep.bin")),
    Kind("recent agent", parts=(USER_DATA,), recent=True),
    Kind("neither name nor user-data", named=False, agent=False),
)


def documents_of(
    kind: Kind, number: int, ip: str, mac: str, hostname: str
) -> dict[str, bytes]:
    """Return the files below html/<ip>/ by their paths; a second NIC has none."""
    if not kind.default:
        return {}
    uuid = f"{number + 0xA0000:032x}"
    texts = _recent(uuid, ip, mac, hostname) if kind.recent else _told(kind, uuid)
    if kind.named:
        texts["meta-data/local-hostname"] = hostname
    if kind.agent:
        texts["meta-data/pvpanic"] = "enable" if number % 2 else "disable"
    if kind.parts is not None:
        packed = _pack(kind.parts)
        texts |= {"user-data": packed, "user_data": packed, "password": ""}
        texts["meta_data.json"] = json.dumps({"uuid": uuid}, indent=4)
    texts |= {path: f"{path} of {ip}\n" for path in kind.extra}
    return {path: text.encode() for path, text in texts.items()}


def _told(kind: Kind, uuid: str) -> dict[str, str]:
    names = ["instance-id", *(["local-hostname"] if kind.named else [])]
    return {
        "meta-data/index.html": "\n".join(names),
        "meta-data/instance-id": uuid,
    }


def _recent(uuid: str, ip: str, mac: str, hostname: str) -> dict[str, str]:
    """Return what later agents write; each folder has an index of its own."""
    leaves = {
        "instance-id": uuid,
        "local-hostname": hostname,
        "region-id": "zone-1",
        "mac": mac,
        "private-ipv4": ip,
        "dns-conf/nameservers": "10.8.0.53",
        f"network/interfaces/macs/{mac}/mac": mac,
        f"network/interfaces/macs/{mac}/netmask": "255.255.0.0",
        f"network/interfaces/macs/{mac}/primary-ip-address": ip,
    }
    indexes = {
        "": "instance-id local-hostname region-id mac dns-conf/ private-ipv4 network/",
        "dns-conf/": "nameservers",
        "network/": "interfaces/",
        "network/interfaces/": "macs/",
        "network/interfaces/macs/": mac,
        f"network/interfaces/macs/{mac}/": "mac netmask primary-ip-address",
    }
    for folder, names in indexes.items():
        leaves[f"{folder}index.html"] = "".join(f"{each}\n" for each in names.split())
    return {f"meta-data/{path}": text for path, text in leaves.items()}


def _pack(parts: tuple[str, ...]) -> str:
    """Return one part as it is; several as Python's MIMEMultipart writes them."""
    if len(parts) == 1:
        return parts[0]
    lines = [
        "From nobody Thu Nov 26 05:00:00 2026",
        f'Content-Type: multipart/mixed; boundary="{BOUNDARY}"',
        "MIME-Version: 1.0\n",
    ]
    for part in parts:
        lines += [f"--{BOUNDARY}", f"\n{part.strip()}"]
    return "\n".join([*lines, f"--{BOUNDARY}--\n"])
