"""First steps of a sandbox process, before anything else is imported.

Run as a file of its own with the standard library alone: a user namespace can only be had
while the process has a single thread, and importing Arrow starts others.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys

_USER, _NET, _IPC, _UTS = 0x10000000, 0x40000000, 0x08000000, 0x04000000
_PR_SET_PDEATHSIG = 1


def unshare() -> bool:
    """Leave the user, network, IPC and UTS namespaces; False where the system forbids it."""
    libc = ctypes.CDLL(None, use_errno=True)
    if not hasattr(libc, "unshare"):
        return False
    return bool(libc.unshare(_USER | _NET | _IPC | _UTS) == 0)


def end_with(parent: int) -> None:
    """Be killed when the thread that started us ends, so that no loop outlives a worker."""
    libc = ctypes.CDLL(None, use_errno=True)
    if hasattr(libc, "prctl"):
        libc.prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    if os.getppid() != parent:
        os._exit(0)


def main() -> None:
    """Unshare, then hand over to the sandbox process proper."""
    settings = json.loads(sys.argv[1])
    apart = unshare()
    end_with(settings["parent"])
    sys.path.extend(settings["paths"])
    from penstock.transforms.python.child import serve

    serve(apart=apart, page=settings["page"], memory=settings["memory"])


if __name__ == "__main__":
    main()
