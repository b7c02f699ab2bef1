"""`metalease run`: the daemon in the foreground.

As root it first makes what `up` makes, then forks: the parent stays root, keeps this
one network as `metalease host` does and is deaf to guests; the child enters the
namespace, opens its sockets, drops its privileges and serves.  Each ends with the
other, also by kill -9.  Not as root (a systemd unit, a container) it serves where it
was started.
"""

import fcntl
import gc
import os
import select
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import trio

from rewrite.ruleset import RuleSet

from . import files as state_files
from . import host
from . import kernel
from . import links
from . import namespace
from . import privilege
from .attachment import Bridged
from .daemon import Given
from .daemon import serve
from .errors import SettingsError
from .hosted import Hosted
from .journal import format_line
from .layout import NetworkLayout
from .notify import Notifier
from .rules import load_rules
from .settings import Settings
from .settings import load_settings
from .sockets import open_sockets
from .state import State


@dataclass(frozen=True, slots=True)
class Plan:
    """What is known before the fork."""

    settings: Settings
    rules: RuleSet
    files: NetworkLayout
    notifier: Notifier


def run(files: NetworkLayout) -> int:
    """Serve the network of *files* until told to stop; return the exit code.

    Raises SettingsError for what an operator has to mend first.
    """
    # 10,000 bindings are read, and stay: to look for rubbish among them is in vain
    gc.disable()
    settings = load_settings(files)
    plan = Plan(settings, load_rules(settings, files), files, Notifier())
    if os.geteuid() == 0:
        return _run_as_root(plan)
    lock = _lock(files)
    try:
        sockets = open_sockets(settings, files, _device_here(settings))
        given = Given(settings, plan.rules, files, sockets)
        return _serve(given, plan.notifier, lambda: plan.notifier.tell("READY=1"))
    finally:
        os.close(lock)


def _run_as_root(plan: Plan) -> int:
    prepare(plan.files)
    _lock(plan.files)  # held by both halves until they end
    _make(plan.settings)
    hosted = Hosted(plan.settings, plan.files)
    gc.freeze()
    reader, writer = os.pipe2(os.O_CLOEXEC)
    parent = os.getpid()
    child = os.fork()
    if child:
        os.close(writer)
        return Parent(plan, hosted, child, reader).run()
    code = 1
    try:
        os.close(reader)
        code = _child(plan, parent, writer, hosted.state)
    except SettingsError as problem:
        print(f"metalease: {problem}", file=sys.stderr)
        code = problem.exit_code
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)  # what was set up before the fork is the parent's to undo


def prepare(files: NetworkLayout) -> None:
    """Make the directories of the state and of the sockets, with their owners."""
    account = state_files.service_account()
    state_files.make_state_directory(files.state)
    for path in (files.bindings, files.metadata, files.default, files.shared):
        state_files.make_directory(path)
    files.runtime.mkdir(mode=0o750, parents=True, exist_ok=True)
    os.chown(files.runtime, account.pw_uid, state_files.service_group())


def _lock(files: NetworkLayout) -> int:
    """Refuse a second daemon for the same network; the lock is as long as we live."""
    try:
        lock = os.open(files.daemon_lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise SettingsError(
            f"network {files.name}",
            f"a daemon runs already and holds {files.daemon_lock}: stop it first",
        ) from None
    except OSError as problem:
        raise SettingsError(files.daemon_lock, str(problem.strerror)) from None
    return lock


def _make(settings: Settings) -> None:
    try:
        links.up(settings.attachment)
    except SettingsError as problem:
        if isinstance(settings.attachment.where, Bridged):
            raise
        # a container without CAP_NET_ADMIN: its maker may have done all that is needed
        print(f"metalease: {problem}", file=sys.stderr)


def _device_here(settings: Settings) -> str:
    """Return the device to serve on, in the namespace that we were started in."""
    where = settings.attachment.where
    if not isinstance(where, Bridged):
        return where.name
    inner = kernel.inner()
    if inner is None:
        raise SettingsError(
            f"network {settings.name}",
            "this is not its namespace: run as root, or below"
            f" NetworkNamespacePath={where.netns}",
        )
    return inner.name


def _child(plan: Plan, parent: int, ready: int, state: State) -> int:
    settings, files = plan.settings, plan.files
    account, group = state_files.service_account(), state_files.service_group()
    device = links.device(settings.attachment)
    where = settings.attachment.where
    if isinstance(where, Bridged):
        namespace.enter(namespace.path(where.namespace))
    sockets = open_sockets(settings, files, device)
    os.chown(files.control_socket, account.pw_uid, group)
    privilege.drop(account.pw_uid, group)
    privilege.die_with_parent(parent)
    if not os.access(files.bindings, os.R_OK | os.X_OK):
        raise SettingsError(
            files.bindings,
            f"user {account.pw_name} cannot read it: every directory above"
            " has to let others pass (chmod o+x)",
        )
    given = Given(settings, plan.rules, files, sockets, state)
    return _serve(given, plan.notifier, lambda: os.close(ready))


def _serve(given: Given, notifier: Notifier, ready: Callable[[], None]) -> int:
    gc.enable()
    ended: list[str] = []
    try:
        trio.run(partial(serve, given, notifier, ready), strict_exception_groups=True)
    except* OSError as problems:
        ended += map(repr, problems.exceptions)
    for problem in ended:
        print(format_line("ended", {"error": problem}), file=sys.stderr)
    return 1 if ended else 0


class Parent:
    """The root half of a daemon that was started by hand: it keeps, and waits."""

    def __init__(self, plan: Plan, hosted: Hosted, child: int, ready: int) -> None:
        self._plan = plan
        self._hosted = hosted
        self._child = os.pidfd_open(child)
        self._ready = ready
        self._code: int | None = None

    def run(self) -> int:
        """Return the child's exit code when it has ended."""
        gc.enable()
        try:
            trio.run(self._run, strict_exception_groups=True)
        finally:
            if self._code is None:  # nothing serves without its keeper
                signal.pidfd_send_signal(self._child, signal.SIGTERM)
                self._reap()
        return self._code or 0

    async def _run(self) -> None:
        name = self._plan.settings.name
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._pass_signals)
            nursery.start_soon(self._await_child, nursery.cancel_scope)
            if links.may_change():
                await nursery.start(
                    partial(
                        host.keep,
                        lambda: {name: self._hosted},
                        self._plan.files.parent_socket,
                        report=report,
                    )
                )
            else:  # a container: what it lacks is said, and its maker's affair
                for missing in links.check(self._plan.settings.attachment):
                    report(name, missing)
            await trio.lowlevel.wait_readable(self._ready)
            # the pipe closes when the child serves, and when it ends
            if not select.select([self._child], [], [], 0)[0]:
                self._plan.notifier.tell("READY=1")

    async def _pass_signals(self) -> None:
        with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
            async for _ in signals:
                self._plan.notifier.tell("STOPPING=1")
                signal.pidfd_send_signal(self._child, signal.SIGTERM)

    async def _await_child(self, scope: trio.CancelScope) -> None:
        await trio.lowlevel.wait_readable(self._child)
        self._reap()
        scope.cancel()

    def _reap(self) -> None:
        ended = os.waitid(os.P_PIDFD, self._child, os.WEXITED)
        assert ended is not None
        self._code = ended.si_status
        if ended.si_code != os.CLD_EXITED:
            self._code = 1
            number = ended.si_status
            print(f"metalease: serving ended by signal {number}", file=sys.stderr)


def report(network: str, text: str) -> None:
    """Print what the keeper of *network* has to say."""
    print(format_line("host", {"network": network, "what": text}), flush=True)
