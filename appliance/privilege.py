"""From root to the service's user, with the two capabilities that serving needs.

CAP_NET_RAW for the packet socket, CAP_NET_BIND_SERVICE for ports below 1024; nothing
else, in any set, for good (capabilities(7), prctl(2)).
"""

import ctypes
import os
import signal
import struct

CAP_NET_BIND_SERVICE = 10
CAP_NET_RAW = 13
KEPT = 1 << CAP_NET_BIND_SERVICE | 1 << CAP_NET_RAW
CAPABILITIES = 64  # numbers to try; those that the kernel lacks are refused

_PR_SET_PDEATHSIG = 1
_PR_SET_KEEPCAPS = 8
_PR_CAPBSET_DROP = 24
_PR_SET_NO_NEW_PRIVS = 38
_CAPABILITY_VERSION_3 = 0x20080522

_libc = ctypes.CDLL(None, use_errno=True)


def drop(uid: int, gid: int, *, kept: int = KEPT) -> None:
    """Become *uid*, and keep *kept* alone; raises OSError, and then must not go on."""
    for capability in range(CAPABILITIES):
        if not 1 << capability & kept:
            _libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0)
    _check(_libc.prctl(_PR_SET_KEEPCAPS, 1, 0, 0, 0))
    os.setgroups([])
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)
    header = struct.pack("Ii", _CAPABILITY_VERSION_3, 0)
    sets = struct.pack("6I", kept, kept, 0, 0, 0, 0)
    _check(_libc.capset(header, sets))
    _check(_libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))


def die_with_parent(parent: int) -> None:
    """Be told by SIGTERM when *parent* dies; after `drop`, which would undo it."""
    _check(_libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0))
    if os.getppid() != parent:  # it died before we asked
        os.kill(os.getpid(), signal.SIGTERM)


def _check(result: int) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
