"""From a guest to an upstream and back: server, line and forwarder together."""

import socket
from ipaddress import IPv4Network

import trio
import trio.testing

from appliance.resolver.channel import Channel
from appliance.resolver.datagrams import client_of
from appliance.resolver.forwarder import Forwarder
from appliance.resolver.line import serve_line
from appliance.resolver.server import DnsServer
from appliance.resolver.server import Limits

from .ends import Answers
from .ends import joined
from .ends import pair
from .room import NAME
from .room import query
from .room import read
from .room import resolver
from .room import texts
from .upstream import ASKED
from .upstream import Say
from .upstream import Upstream
from .upstream import well
from .upstream import with_upstreams


def test_from_a_guest_to_an_upstream_and_back() -> None:
    """dns 7, 11: a datagram of a guest, the line, an upstream, and all the way back;
    the second guest is answered from the cache."""
    one = Upstream(10, udp=well)

    async def scenario(channel: Channel, forwarder: Forwarder) -> None:
        server = DnsServer(resolver(), channel, [IPv4Network("127.0.0.0/8")], Limits())
        with (
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener,
            trio.socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as guest,
        ):
            listener.bind(("127.0.0.1", 0))
            await guest.connect(listener.getsockname())
            async with trio.open_nursery() as nursery:
                nursery.start_soon(server.serve_udp, listener)
                for number in (1, 2):
                    await guest.send(query(NAME.upper(), id=number, edns=1232))
                    found = read(await guest.recv(4096))
                    assert found.id == number
                    assert str(found.question[0].name) == f"{NAME.upper()}."
                    assert texts(found.answer)[0].endswith("A 192.0.2.80")
                nursery.cancel_scope.cancel()
        assert len(one.asked) == 1 + 1  # and a probe
        assert server.counts.answers == {(1, 0, "upstream"): 1, (1, 0, "cache"): 1}
        assert sum(server.counts.latencies) == 1

    joined(scenario, one)


def test_a_loop_is_found_by_server_and_forwarder_together() -> None:
    """dns 14: an upstream that forwards to us is found, and left out."""
    servers: list[DnsServer] = []

    def back(asked: bytes) -> list[bytes]:
        """Ask the server, as an upstream would that forwards to it."""
        found: list[bytes] = []
        servers[0].answer(asked, client_of("127.0.0.1"), found.append, 0.0, tcp=False)
        return found

    say: Say = back
    one, two = Upstream(10, udp=say), Upstream(11, udp=well)

    async def main(forwarder: Forwarder) -> None:
        ours, theirs = pair()
        channel = Channel("net1", ours, None)
        servers.append(DnsServer(resolver(), channel, [], Limits()))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(channel.run)
            nursery.start_soon(serve_line, theirs, lambda _: forwarder, None)
            await trio.testing.wait_all_tasks_blocked(0.01)
            before = len(one.asked)
            answers = Answers()
            assert channel.ask(ASKED, answers, tcp=False)
            await answers.wait(1)
            assert answers.found[0] is not None
            assert len(one.asked) == before == 1
            nursery.cancel_scope.cancel()
        ours.close()

    with_upstreams(main, one, two)
