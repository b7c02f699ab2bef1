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
import signal
import socket
import sys
from collections.abc import Callable
from functools import partial

import trio

from . import files as state_files
from . import kernel
from . import links
from . import namespace
from . import privilege
from .attachment import Bridged
from .daemon import Given
from .daemon import serve
from .errors import SettingsError
from .forward import serve_one
from .hosted import Hosted
from .journal import format_line
from .layout import NetworkLayout
from .notify import Notifier
from .outside import needs_forwarder
from .parent import Parent
from .parent import Plan
from .rules import load_rules
from .settings import Settings
from .settings import load_settings
from .sockets import open_sockets
from .state import State


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
    plan.files.not_in_service.unlink(missing_ok=True)
    hosted = Hosted(plan.settings, plan.files)
    gc.freeze()
    parent = os.getpid()
    forwarder, line = _start_forwarder(plan, parent)
    # what comes by it tells that we serve, its end without a word that we do not:
    # nobody but the child may hold the writer
    reader, writer = os.pipe2(os.O_CLOEXEC)

    def work() -> int:
        os.close(reader)
        return _child(plan, parent, writer, hosted.state, line)

    child = _fork(work)
    os.close(writer)
    if line is not None:
        line.close()
    return Parent(plan, hosted, child, reader, forwarder).run()


def _fork(work: Callable[[], int]) -> int:
    """Do *work* in a process of its own, which ends with its result as exit code."""
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        os.setsid()  # Ctrl-C is the parent's, who tells us
        code = work()
    except SettingsError as problem:
        print(f"metalease: {problem}", file=sys.stderr)
        code = problem.exit_code
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)  # what was set up before the fork is the parent's to undo


def _start_forwarder(
    plan: Plan, parent: int
) -> tuple[int | None, socket.socket | None]:
    """Start who asks upstreams, where any are: its process, and our line to it.

    It stays on the host's side, where the upstreams are, with no capability at all.
    """
    if not needs_forwarder(plan.settings, plan.rules):
        return None, None
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.setblocking(False)

    def work() -> int:
        ours.close()
        account = state_files.service_account()
        privilege.drop(account.pw_uid, state_files.service_group(), kept=0)
        privilege.die_with_parent(parent)
        serve_one(theirs, plan.settings, plan.rules)
        return 0

    child = _fork(work)
    theirs.close()
    return child, ours


def prepare(files: NetworkLayout) -> None:
    """Make the directories of the state and of the sockets, with their owners."""
    account = state_files.service_account()
    state_files.make_state_directory(files.state)
    for path in (files.bindings, files.metadata, files.default, files.shared):
        state_files.make_directory(path)
    state_files.delete_left_aside(files.metadata)
    for each in (files.own, files.spool):
        state_files.make_directory(each)
        os.chown(each, account.pw_uid, state_files.service_group())
    state_files.delete_left_aside(files.spool)
    files.runtime.mkdir(mode=0o750, parents=True, exist_ok=True)
    os.chown(files.runtime, account.pw_uid, state_files.service_group())


def _lock(files: NetworkLayout) -> int:
    """Refuse a second daemon for the same network; the lock is as long as we live."""
    try:
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        lock = os.open(files.daemon_lock, flags, 0o600)
        if os.geteuid() == 0 and os.fstat(lock).st_nlink == 1:
            # a unit's daemon, which is not root, may be the next to hold it
            account = state_files.service_account()
            os.fchown(lock, account.pw_uid, state_files.service_group())
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


def _child(
    plan: Plan, parent: int, ready: int, state: State, line: socket.socket | None
) -> int:
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
    given = Given(settings, plan.rules, files, sockets, state=state, line=line)
    return _serve(given, plan.notifier, lambda: _tell(ready))


def _tell(ready: int) -> None:
    """Tell the parent that we serve."""
    os.write(ready, b"1")
    os.close(ready)


def _leave(number: int, frame: object) -> None:
    os._exit(0)


def _serve(given: Given, notifier: Notifier, ready: Callable[[], None]) -> int:
    gc.enable()
    # before the loop listens, and for a second signal when it does no more
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _leave)
    ended: list[str] = []
    try:
        trio.run(partial(serve, given, notifier, ready), strict_exception_groups=True)
    except* OSError as problems:
        ended += map(repr, problems.exceptions)
    for problem in ended:
        print(format_line("ended", {"error": problem}), file=sys.stderr)
    return 1 if ended else 0
