"""What becomes of dnsmasq's settings that are no key of ours: each in a sentence."""

from collections.abc import Mapping

from .plan import CHANGES
from .plan import LOST
from .plan import MAPS

# what says how dnsmasq runs, and nothing to a guest
OF_PROCESS = {
    "bind-interfaces",
    "bind-dynamic",
    "except-interface",
    "pid-file",
    "user",
    "group",
    "log-facility",
    "log-dhcp",
    "log-queries",
    "log-async",
    "log-debug",
    "keep-in-foreground",
    "no-daemon",
    "quiet-dhcp",
    "quiet-dhcp6",
    "quiet-ra",
    "quiet-tftp",
    "leasefile-ro",
    "no-poll",
    "clear-on-reload",
    "dhcp-scriptuser",
    "dhcp-no-override",
    "dhcp-duid",
    "enable-dbus",
    "conntrack",
    "local-service",
    "edns-packet-max",
    "port-limit",
    "min-port",
    "max-port",
    "query-port",
    "dns-forward-max",
    "no-ident",
    "no-resolv",
    "no-hosts",
}
VERDICTS: Mapping[str, tuple[str, str]] = {
    "bogus-priv": (MAPS, "names of private addresses are asked nowhere else, as here"),
    "domain-needed": (MAPS, "names without a dot are asked nowhere else, as here"),
    "localise-queries": (CHANGES, "every address of a name is told, not the near one"),
    "expand-hosts": (MAPS, "names without a dot get the domain, as here"),
    "filterwin2k": (CHANGES, "SRV and SOA of Windows are forwarded"),
    "strict-order": (MAPS, "upstreams are asked in their order, as here"),
    "all-servers": (CHANGES, "upstreams are asked one after another"),
    "conf-dir": (MAPS, "none of its files is read, by their endings"),
    "conf-script": (LOST, "no program is run: write what it prints into a file"),
    "no-negcache": (CHANGES, "that there is no such name is cached, an hour at most"),
    "local-ttl": (CHANGES, "local names last 10 seconds"),
    "neg-ttl": (CHANGES, "that there is no such name lasts as its zone says"),
    "max-ttl": (CHANGES, "a name lasts as its zone says"),
    "max-cache-ttl": (CHANGES, "a name is cached as long as its zone says"),
    "min-cache-ttl": (CHANGES, "a name is cached as long as its zone says"),
    "dhcp-ttl": (CHANGES, "guests' names last 10 seconds"),
    "no-ping": (
        CHANGES,
        "who has an address of the pool is asked by ARP before it goes",
    ),
    "dhcp-lease-max": (MAPS, "the pool itself is the most that there are"),
    "dhcp-sequential-ip": (CHANGES, "the pool gives its addresses in an order of ours"),
    "dhcp-script": (
        CHANGES,
        "no script is run: the log and metalease leases NET tell the same",
    ),
    "dhcp-luascript": (
        CHANGES,
        "no script is run: the log and metalease leases NET tell the same",
    ),
    "script-arp": (
        CHANGES,
        "no script is run: the log and metalease leases NET tell the same",
    ),
    "dhcp-fqdn": (MAPS, "guests' names are answered with the domain, and without it"),
    "dhcp-ignore-names": (MAPS, "names that clients say are not taken, as here"),
    "dhcp-ignore-clid": (MAPS, "a client-id finds nobody but who has one bound"),
    "dhcp-generate-names": (MAPS, "who has no name is named ip-A-B-C-D"),
    "dhcp-client-update": (CHANGES, "option 81 says that the server has the say"),
    "read-ethers": (LOST, "/etc/ethers is not read: bind each MAC"),
    "enable-tftp": (
        LOST,
        "no files are served by TFTP: set dhcp.boot.server to who does",
    ),
    "tftp-root": (
        LOST,
        "no files are served by TFTP: set dhcp.boot.server to who does",
    ),
    "dhcp-relay": (LOST, "nothing is relayed: each network answers its own guests"),
    "dhcp-proxy": (LOST, "no agent's answers are taken over"),
    "shared-network": (LOST, "name the further subnet by [[network.also]]"),
    "dhcp-circuitid": (LOST, "what a relay adds (82) chooses nothing here"),
    "dhcp-remoteid": (LOST, "what a relay adds (82) chooses nothing here"),
    "dhcp-subscrid": (LOST, "what a relay adds (82) chooses nothing here"),
    "dhcp-name-match": (LOST, "what a client calls itself chooses nothing here"),
    "dhcp-reply-delay": (LOST, "answers are not delayed: bind only whom you answer"),
    "dhcp-alternate-port": (LOST, "the ports are 67 and 68"),
    "bootp-dynamic": (LOST, "BOOTP clients get no address of the pool: bind each"),
    "enable-ra": (LOST, "no router advertisements are sent"),
    "ra-param": (LOST, "no router advertisements are sent"),
}
"""A note's kind and what it says after the key's name."""


def verdict(key: str) -> tuple[str, str] | None:
    """Return what becomes of *key*; None where it is not known."""
    if key in OF_PROCESS:
        return MAPS, "is not needed here"
    return VERDICTS.get(key)
