"""The workloads of the comparison, and those that measure confab alone."""

from dataclasses import dataclass

from kinds import ARCHIVE, CONFAB, FRAMES, GORILLA, PEERS, THREADS, TWO_NETS, Kind

ALL = (CONFAB, *PEERS)
ONE_OR_TWO_NETS = (CONFAB, TWO_NETS)


@dataclass(frozen=True)
class Workload:
    name: str
    what: str
    mode: str
    clients: int
    figures: tuple[str, ...]
    options: tuple[str, ...] = ()  # more for confab-bench
    servers: tuple[Kind, ...] = ALL
    instances: int = 1
    warm_up: int = 1
    seconds: int = 3
    baseline: str = ""  # the workload without slow readers that p99 is compared with
    logins: int = 0  # per second, beside the load

    @property
    def due_per_s(self) -> float | None:
        """Deliveries that the senders ask for, without those to slow clients; None when they wait
        for what they sent."""
        rate = self.option("--rate")
        return self.clients * (100 - self.option("--slow")) / 100 * rate if rate else None

    def option(self, name: str) -> int:
        """Its number; 0 when it is not given."""
        given = self.options
        return int(given[given.index(name) + 1]) if name in given else 0

    def arguments(self, seconds: int | None) -> list[str]:
        measured = self.seconds if seconds is None else seconds
        return [
            *("--mode", self.mode, "--clients", str(self.clients)),
            *("--warm-up", str(self.warm_up), "--seconds", str(measured)),
            *self.options,
        ]


THROUGHPUT = ("deliveries", "cpu", "p50", "p99", "generator")
LATENCY = ("p50", "p99", "p999", "cpu", "deliveries", "generator")
MESSAGES = ("messages", "cpu", "p50", "p99", "generator")
IDLE = ("memory", "resident", "connect", "connect_cpu")
RATES = (20, 100, 300, 1000)
ROOMS = {10: "c-10", 100: "c-100", 1000: "c"}


def one_room(clients: int, *options: str) -> Workload:
    what = f"{clients:,} clients in one room, each sends when its message came back"
    if options:
        what = f"{clients:,} clients in one room, 100 of them send when their message came back"
    return Workload(f"a-{clients}", what, "closed", clients, THROUGHPUT, options)


def at_rate(rate: int) -> Workload:
    what = f"1,000 clients in one room, {rate:,} messages/s in total"
    seconds = 5 if rate < 100 else 3  # enough messages for a p99
    return Workload(
        f"b-{rate}", what, "open", 1000, LATENCY, ("--rate", str(rate)), seconds=seconds
    )


def many_rooms(rooms: int, name: str) -> Workload:
    what = f"{rooms * 10:,} clients in {rooms:,} rooms of 10, closed loop"
    options = ("--rooms", str(rooms))
    return Workload(name, what, "closed", rooms * 10, MESSAGES, options, seconds=2)


def idle(clients: int) -> Workload:
    what = f"{clients:,} clients connect as fast as they can and then do nothing"
    return Workload(f"e-{clients}", what, "idle", clients, IDLE, seconds=1)


# The kernel keeps up to 4 MB for a client that does not read. Only large messages fill that within
# seconds, so that the server itself has to do something about the client.
LARGE = ("--rate", "100", "--content", "4096")

# 10,000 clients that all send would leave 100 million deliveries under way: seconds of work for
# confab, minutes for others. With 100 senders it is one million, as with 1,000 clients.
PEER_WORKLOADS = (
    one_room(100),
    one_room(1000),
    one_room(10000, "--senders", "100"),
    *(at_rate(rate) for rate in RATES),
    *(many_rooms(rooms, name) for rooms, name in ROOMS.items()),
    Workload(
        "d",
        "private messages between 500 pairs, each user on another instance, 4 under way per user",
        "private",
        1000,
        MESSAGES,
        ("--window", "4"),
        instances=2,
    ),
    idle(1000),
    idle(10000),
    Workload(
        "f",
        "2,000 clients in one room are cut off, miss 100 messages and come back at once",
        "resume",
        2000,
        ("resume", "resume_cpu"),
        ("--missed", "100"),
        warm_up=0,
    ),
    Workload(
        "g-0",
        "1,000 clients in one room, 100 messages/s of 4 KiB",
        "open",
        1000,
        LATENCY,
        LARGE,
    ),
    Workload(
        "g",
        "as g-0, but every tenth client reads slowly; the figures are those of the others",
        "open",
        1000,
        ("p99", "p999", "cpu", "deliveries", "slow_closed", "slow_resyncs", "generator"),
        (*LARGE, "--slow", "10"),
        baseline="g-0",
        warm_up=8,
        seconds=4,
    ),
    Workload(
        "t-100",
        "100 clients in one room, closed loop, with threads (or goroutines) of their own",
        "closed",
        100,
        THROUGHPUT,
        servers=(THREADS, GORILLA, FRAMES),
    ),
    Workload(
        "t-100-16",
        "as t-100, with 16 messages under way per user",
        "closed",
        100,
        THROUGHPUT,
        ("--window", "16"),
        servers=(THREADS, GORILLA),
    ),
    Workload(
        "n",
        "1,000 clients in one room, closed loop: one net thread and two",
        "closed",
        1000,
        ("busiest", "net0", "net1", "cpu", "deliveries", "generator"),
        servers=ONE_OR_TWO_NETS,
    ),
)


def alone(
    name: str, what: str, mode: str, clients: int, *options: str, kind=CONFAB, logins=0
) -> Workload:
    return Workload(
        name, what, mode, clients, (), options, (kind,), warm_up=2, seconds=5, logins=logins
    )


# confab by itself: longer, and judged against fixed numbers.
OWN_WORKLOADS = (
    alone(
        "closed",
        "1,000 clients in one room, shared pumps, each sends when its message came back",
        *("closed", 1000),
    ),
    alone("open", "the same clients, 100 messages/s in total", "open", 1000, "--rate", "100"),
    alone(
        "threads",
        "100 clients in one room, a reader and a writer thread for each, closed loop",
        *("closed", 100),
        kind=THREADS,
    ),
    alone("idle", "10,000 connections in one room that do nothing", "idle", 10000),
    alone(
        "idle-rooms",
        "the same in 100 rooms, whose members are told of each other by name",
        *("idle", 10000, "--rooms", "100"),
    ),
    alone(
        "light-threads",
        "100 clients in one room, 100 messages/s, pump threads",
        *("open", 100, "--rate", "100"),
        kind=THREADS,
    ),
    alone(
        "light-shared",
        "the same, shared pumps",
        *("open", 100, "--rate", "100"),
    ),
    alone(
        "light-archive",
        "the same, and all that is said goes into an archive",
        *("open", 100, "--rate", "100"),
        kind=ARCHIVE,
    ),
    alone(
        "light-logins",
        "as light-shared, and ten people per second log in",
        *("open", 100, "--rate", "100"),
        logins=10,
    ),
)
