"""Who finds a place where many hold connections, or wait, and hang on (issue 5.7)."""

import os
import resource
import socket
import tracemalloc
from contextlib import AsyncExitStack
from contextlib import ExitStack
from pathlib import Path

import pytest
import trio
import trio.testing

from httpd.contract import Later
from httpd.contract import Limits
from httpd.listener import FULL
from httpd.listener import SYN_ACKS_AGAIN
from httpd.listener import Peer
from httpd.listener import open_listener
from httpd.messages import Response
from httpd.pace import Rate
from httpd.server import MOMENT
from httpd.server import SPARE
from httpd.server import descriptors_at_most
from httpd.server import descriptors_left

from .site import LOOPBACK
from .site import Answering
from .site import Client
from .site import Hours
from .site import Site
from .site import run
from .site import run_by
from .site import serving

LARGE = 4 * 1024 * 1024  # octets: more than a connection's two buffers take
ASKED = "GET /a HTTP/1.1\r\nHost: x\r\n\r\n"


async def crowd(site: Site, stack: AsyncExitStack, hosts: list[int]) -> list[Client]:
    """Open a connection from each of *hosts*, of 127.0.0.0/24; all stay open."""
    clients = []
    for host in hosts:
        client = await site.client(f"127.0.0.{host}")
        await stack.enter_async_context(client.stream)
        await client.say(ASKED)
        clients.append(client)
    return clients


def test_a_remembered_request_takes_a_place() -> None:
    """issue 5.7: who asks what was asked before, and is answered from memory, holds no
    more connections than another, nor do all together hold more."""

    async def test() -> None:
        answers = Answering()
        answers.proofs.add("it stands")
        answers.paths["/a"] = lambda _: Response(200, (), b"a", proof="it stands")
        limits = Limits(connections_per_ip=3, connections_total=4)
        async with serving(limits, answers) as site, AsyncExitStack() as stack:
            async with (first := await site.client()).stream:
                for _ in range(3):  # it is remembered by then
                    await first.say(ASKED)
                    assert (await first.answer()).status == 200
            await trio.testing.wait_all_tasks_blocked(0.05)
            callers = []
            for _ in range(5):  # the loop gets no turn: it is asked at the accept
                caller = socket.create_connection(("127.0.0.1", site.port))
                caller.sendall(ASKED.encode())
                callers.append(stack.enter_context(caller))
            while len(site.server) < 5:
                await trio.lowlevel.checkpoint()
            statuses = sorted(int(each.recv(4096)[9:12]) for each in callers)
            assert statuses == [200, 200, 200, 503, 503]

    run(test)


def test_those_who_hold_much_leave_some() -> None:
    """issue 5.7: from half of connections_total on one guest may hold less and less of
    what is left, so that many greedy ones leave places for who has none."""

    async def test() -> None:
        limits = Limits(connections_per_ip=8, connections_total=16)
        async with serving(limits) as site, AsyncExitStack() as stack:
            held = []
            for greedy in (2, 3, 4, 5):
                clients = await crowd(site, stack, [greedy] * 8)
                statuses = [(await each.answer()).status for each in clients]
                held.append(statuses.count(200))
                for each in clients[held[-1] :]:
                    await each.stream.aclose()
            assert held == [8, 4, 2, 1]
            (modest,) = await crowd(site, stack, [6])
            assert (await modest.answer()).status == 200

    run(test)


def test_strangers_leave_room_for_guests() -> None:
    """issue 5.7: all that are nobody's guests hold a quarter of the places, since one
    has as many MACs as it likes; those that are refused take none from guests."""

    def is_guest(peer: Peer) -> bool:
        return peer.address.packed[-1] > 100

    async def test() -> None:
        limits = Limits(connections_per_ip=2, connections_total=16)
        answers = Answering()
        answers.guests = is_guest
        async with serving(limits, answers) as site, AsyncExitStack() as stack:
            strangers = await crowd(site, stack, list(range(1, 16)))
            guests = await crowd(site, stack, list(range(101, 109)))
            assert [(await each.answer()).status for each in guests] == [200] * 8
            served = [(await each.answer()).status for each in strangers[:4]]
            assert served == [200] * 4
            assert site.statuses().count(200) == 12
            await strangers[0].stream.aclose()
            await trio.testing.wait_all_tasks_blocked(0.05)
            (again,) = await crowd(site, stack, [50])
            assert (await again.answer()).status == 200

    run(test)


def test_who_is_too_fast_leaves_room_for_who_waits() -> None:
    """issue 5.7: requests over their guest's rate wait in half of what may wait: what a
    slow disk holds up has the other half."""

    async def test(hours: Hours) -> None:
        answers = Answering()
        again = [Later(1.0)]
        answers.paths["/slow"] = lambda _: again.pop() if again else Response(200)
        limits = Limits(
            rate=Rate(per_second=1, burst=1, wait_at_most=9.0), held_total=4
        )
        async with serving(limits, answers) as site, AsyncExitStack() as stack:
            fast = await crowd(site, stack, [1] * 4)
            await hours.rest()
            assert sorted(site.statuses()) == [200, 503]
            async with (modest := await site.client("127.0.0.2")).stream:
                await modest.say("GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
                await hours.pass_(1.0)
                assert (await modest.answer()).status == 200
            assert fast

    run_by(test)


def test_who_waits_for_a_disk_is_bounded_too() -> None:
    """issue 5.7: so many requests wait in all; one more is told to come again."""

    async def test(hours: Hours) -> None:
        answers = Answering()
        again = [Later(1.0), Later(1.0), Later(1.0)]
        answers.paths["/slow"] = lambda _: again.pop() if again else Response(200)
        limits = Limits(held_total=2)
        async with serving(limits, answers) as site, AsyncExitStack() as stack:
            guests = [await site.client(f"127.0.0.{n}") for n in (2, 3, 4)]
            for each in guests:
                await stack.enter_async_context(each.stream)
                await each.say("GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
                await hours.rest()
            assert site.statuses() == [503]
            await hours.pass_(1.0)
            said = [await each.answer() for each in guests]
            assert [each.status for each in said] == [200, 200, 503]

    run_by(test)


def test_slow_readers_hold_no_memory(tmp_path: Path) -> None:
    """issue 5.7: who asks for a large document and reads none of it costs us none of
    its octets, however many do."""
    large = tmp_path / "large"
    large.write_bytes(bytes(LARGE))

    async def test(hours: Hours) -> None:
        async with serving() as site, AsyncExitStack() as stack:
            site.answers.file(large)
            clients = await crowd(site, stack, [1] * 16)
            await hours.rest()
            tracemalloc.start()
            stack.callback(tracemalloc.stop)
            for each in clients:
                await each.say("GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
            while len(site.statuses()) < 2 * 16:
                await hours.rest()
            await hours.rest()
            held, _ = tracemalloc.get_traced_memory()
            assert held < 16 * 64 * 1024

    run_by(test)


def test_a_syn_that_nobody_means_is_soon_forgotten() -> None:
    """issue 5.7: the kernel answers a SYN twice and forgets it after 3 s, and not 63,
    so a flood has to be that much denser to fill the backlog."""
    with open_listener(LOOPBACK, 0, device=None, save_syn=True) as listener:
        again = listener.getsockopt(socket.IPPROTO_TCP, socket.TCP_SYNCNT)
    assert again == SYN_ACKS_AGAIN == 1


def test_guests_leave_descriptors_to_others() -> None:
    """issue 5.7: guests leave descriptors for what else has to be opened: one more is
    reset and reported, the rest wait for a sweep, and are served when there is room."""

    async def test(hours: Hours) -> None:
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        # beyond what others in this process hold
        few = max(map(int, os.listdir("/proc/self/fd"))) + 2 * SPARE
        resource.setrlimit(resource.RLIMIT_NOFILE, (few, hard))
        spare = min(SPARE, few // 4)
        try:
            limits = Limits(connections_per_ip=1000)
            async with serving(limits) as site, AsyncExitStack() as stack:
                callers = []
                while not site.reports:
                    caller = socket.create_connection(("127.0.0.1", site.port))
                    callers.append(stack.enter_context(caller))
                    await hours.rest()
                assert [str(each) for each in site.reports] == [f"[Errno 24] {FULL}"]
                with pytest.raises(ConnectionResetError):
                    callers[-1].recv(1)
                with ExitStack() as free:
                    for _ in range(spare - 4):
                        free.callback(os.close, os.open("/dev/null", os.O_RDONLY))
                for caller in callers[-8:]:
                    caller.close()
                await hours.pass_(1.0)
                async with (late := await site.client()).stream:
                    await late.say(ASKED)
                    await hours.rest()
                    assert (await late.answer()).status == 200
                assert len(site.reports) == 1
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

    run_by(test)


def test_what_is_left_for_guests() -> None:
    """issue 5.7: what may be opened before guests have to wait is known before the
    first one calls; some of it is the server's own."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    highest = max(map(int, os.listdir("/proc/self/fd")))
    with ExitStack() as stack:

        def take() -> int:
            taken = os.open("/dev/null", os.O_RDONLY)
            stack.callback(os.close, taken)
            return taken

        while take() <= highest:  # what others in this process have given back
            pass
        listener = stack.enter_context(socket.socket())
        stack.callback(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        few = listener.fileno() + 2 * SPARE
        resource.setrlimit(resource.RLIMIT_NOFILE, (few, hard))
        number = descriptors_left([listener]) + MOMENT
        assert [take() for _ in range(number)][-1] == descriptors_at_most() - 1
