"""A host that is not there: files as a mapping, for readers that are pure."""

from collections.abc import Iterator
from collections.abc import Mapping
from ipaddress import IPv4Interface

from appliance.migration.tree import Leaf


class Given:
    """Files by their paths; *links* lead elsewhere, *addresses* are innerN's."""

    def __init__(
        self,
        files: Mapping[str, str],
        links: Mapping[str, str] | None = None,
        addresses: tuple[str, ...] = (),
        ports: tuple[str, ...] = (),
    ) -> None:
        self.files = files
        self.links = links or {}
        self.addresses = tuple(map(IPv4Interface, addresses))
        self.said_ports = list(ports)

    def text(self, path: str) -> str | None:
        return self.files.get(path)

    def names(self, folder: str) -> list[str]:
        return sorted(p for p in self.files if p.rpartition("/")[0] == folder)

    def folders(self, folder: str) -> list[str]:
        below = [p.removeprefix(f"{folder}/") for p in self.files if folder in p]
        return sorted({p.partition("/")[0] for p in below})

    def leaves(self, folder: str) -> Iterator[Leaf]:
        for path, text in self.files.items():
            if path.startswith(f"{folder}/"):
                yield Leaf(path.removeprefix(f"{folder}/"), text.encode())
        for path, target in self.links.items():
            if path.startswith(f"{folder}/"):
                yield Leaf(path.removeprefix(f"{folder}/"), link=target)

    def interfaces(self, namespace: str) -> tuple[IPv4Interface, ...]:
        return self.addresses

    def ports(self, bridge: str) -> list[str]:
        return self.said_ports
