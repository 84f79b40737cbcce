"""What a process holds: resident memory, threads, descriptors."""

import os
from typing import NamedTuple

# glibc gives freed memory back only from the end of an arena, and rounds up; what grows with
# the number of messages or clients passes this soon.
MEMORY_SHARE = 0.10
MEMORY_KB = 4096


class Usage(NamedTuple):
    rss_kb: int
    threads: int
    fds: int


def usage(pid):
    fields = {}
    with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as f:
        for line in f:
            name, _, value = line.partition(":")
            fields[name] = value
    return Usage(
        int(fields["VmRSS"].split()[0]),
        int(fields["Threads"]),
        len(os.listdir(f"/proc/{pid}/fd")),
    )


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as f:
        fields = f.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Held(NamedTuple):
    """What an instance held before and after. `lived`: it is the same process, so its memory can
    be compared; one that was replaced must have as many threads and descriptors again."""

    before: Usage
    after: Usage
    lived: bool

    @property
    def memory_is_back(self):
        most = self.before.rss_kb + max(MEMORY_KB, self.before.rss_kb * MEMORY_SHARE)
        return not self.lived or self.after.rss_kb <= most

    @property
    def rest_is_back(self):
        return self.after[1:] == self.before[1:]
