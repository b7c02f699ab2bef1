"""What dnsmasq asks, when it is compared with ours in the answers to names."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import dns.flags
import dns.message
import dns.query
import dns.rdataclass
import dns.rdatatype

from tests.resolver.room import reply

ELSEWHERE = "asked elsewhere"


@contextmanager
def upstream() -> Iterator[int]:
    """Serve every question with a TXT record that says so; yield the port."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
        datagrams.bind(("127.0.0.1", 0))

        def serve() -> None:
            while True:
                query, peer = datagrams.recvfrom(4096)
                if query == b"end":
                    return
                name = dns.message.from_wire(query).question[0].name
                record = f'{name} 60 TXT "{ELSEWHERE}"'
                datagrams.sendto(reply(query, record), peer)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield datagrams.getsockname()[1]
        finally:
            datagrams.sendto(b"end", datagrams.getsockname())
            thread.join()


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
