# SPDX-License-Identifier: Apache-2.0
"""Runs one command and ends it, with all that it started, once the caller is gone.

    supervise.py FOLDER STOP USER COMMAND...
    supervise.py FOLDER

The caller holds the other end of standard input and never writes: its end is
the order to stop, so that it comes however the caller goes, SIGKILL included.
STOP is the signal that asks the command to go (it has 10 seconds), or "" to
kill it at once; USER is who runs it, or "" for the caller's own user.

Without a command, the end of standard input is the order to remove FOLDER,
after every other supervisor in it has ended.
"""

import ctypes
import fcntl
import os
import pwd
import select
import shutil
import signal
import subprocess
import sys
import time

LINUX = sys.platform == "linux"
PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h
GRACE = 10.0  # seconds


def adopt():
    """Makes orphaned descendants our children, so that none escapes by a new session or a double fork."""
    if LINUX:
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def start(user, command):
    identity = {}
    if user:
        entry = pwd.getpwnam(user)
        identity = {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True, **identity)


def reap(child):
    """Collects every process that ended; the exit code of child, if it is one of them."""
    code = None
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return code
        if pid == 0:
            return code
        if pid == child:
            code = os.waitstatus_to_exitcode(status)


def descendants():
    """The live processes below this one. Only Linux can tell; elsewhere the process group must do."""
    children = {}
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/stat", encoding="utf-8", errors="replace") as stat:
                state, parent = stat.read().rpartition(")")[2].split()[:2]
        except (FileNotFoundError, ProcessLookupError):
            continue
        if state != "Z":
            children.setdefault(int(parent), []).append(int(name))
    found, queue = [], [os.getpid()]
    while queue:
        below = children.get(queue.pop(), [])
        found += below
        queue += below
    return found


def send(pid, number):
    try:
        os.kill(pid, number)  # a negative pid is a process group
    except (ProcessLookupError, PermissionError):
        pass


def end(child, stop):
    """Ends child and all that it started, and returns once none is left."""
    if stop:
        send(child, getattr(signal, stop))
        deadline = time.monotonic() + GRACE
        while reap(child) is None and time.monotonic() < deadline:
            time.sleep(0.01)
    if not LINUX:
        send(-child, signal.SIGKILL)
        reap(child)
        return
    while alive := descendants():
        for pid in alive:
            send(pid, signal.SIGKILL)
        reap(child)
        time.sleep(0.005)


def supervise(stop, user, command):
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake)
    for number in (signal.SIGCHLD, signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)  # select sees them
    adopt()
    started = start(user, command)  # kept: at its end it would take the exit code that reap waits for
    child, code = started.pid, None
    while code is None:
        ready, _, _ = select.select([0, woken], [], [])
        if 0 in ready or set(os.read(woken, 4096)) != {signal.SIGCHLD}:
            end(child, stop)
            return 0
        code = reap(child)
    end(child, "")
    return code if code >= 0 else 128 - code


def main():
    folder, *order = sys.argv[1:]
    lock = os.open(os.path.join(folder, "supervisors"), os.O_RDWR)
    if order:
        stop, user, *command = order
        fcntl.flock(lock, fcntl.LOCK_SH)
        return supervise(stop, user, command)
    os.read(0, 1)
    fcntl.flock(lock, fcntl.LOCK_EX)
    shutil.rmtree(folder)
    return 0


sys.exit(main())
