"""What a service manager is to confab: a socket that hears its notifications; and threads that
hang."""

import os
import socket
import subprocess
import sys
import time

from .deadline import seconds


class Manager:
    """The socket NOTIFY_SOCKET of sd_notify(3)."""

    def __init__(self, folder):
        self.path = os.path.join(folder, "notify")
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(self.path)

    def hear(self, timeout=10):
        """The next notification, as a dict."""
        self._socket.settimeout(seconds(timeout))
        text = self._socket.recv(4096).decode()
        return dict(line.split("=", 1) for line in text.splitlines())

    def wait(self, field, timeout=10):
        """The next one with that field."""
        end = time.monotonic() + seconds(timeout)
        while field not in (told := self.hear(end - time.monotonic())):
            pass
        return told

    def forget(self):
        """What was said until now."""
        self._socket.setblocking(False)
        try:
            while True:
                self._socket.recv(4096)
        except BlockingIOError:
            pass

    def close(self):
        self._socket.close()


# Stops one thread, and nothing else of its process: ptrace(2), PTRACE_SEIZE and _INTERRUPT. Lets
# go of it when a line comes; waits for its end if it is killed meanwhile, or it would never be gone.
_HANG = """
import ctypes, os, select, sys
libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
tid = int(sys.argv[1])
for request in (0x4206, 0x4207):
    if libc.ptrace(request, tid, None, None) != 0:
        sys.exit(os.strerror(ctypes.get_errno()))
os.waitpid(tid, 0x40000000)
print("hangs", flush=True)
while not select.select([sys.stdin], [], [], 0.05)[0]:
    try:
        if os.waitpid(tid, 0x40000000 | os.WNOHANG)[0] == tid and not os.path.exists(f"/proc/{tid}/task/{tid}/stat"):
            break
    except ChildProcessError:
        break
"""


class Hang:
    """with Hang(pid, "hub"): that thread does nothing."""

    def __init__(self, pid, name):
        task = f"/proc/{pid}/task"
        for tid in os.listdir(task):
            with open(f"{task}/{tid}/comm", encoding="ascii") as f:
                if f.read().strip() == name:
                    self.tid = tid

    def __enter__(self):
        self.tracer = subprocess.Popen(
            [sys.executable, "-Ic", _HANG, self.tid],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.tracer.stdout.readline() == "hangs\n"
        return self

    def __exit__(self, *_):
        self.tracer.stdin.close()
        self.tracer.wait()
        self.tracer.stdout.close()
