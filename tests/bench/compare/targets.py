"""What confab must reach."""

from dataclasses import dataclass

BEST = "best peer"  # of the figure: the most deliveries/s, the least CPU, the lowest p99


def holds(value: float, compare: str, bound: float) -> bool:
    return value >= bound if compare == ">=" else value <= bound


@dataclass(frozen=True)
class Target:
    """`figure` of `server` in `workload`, divided by the same figure of `against` (a workload
    and a server) where that is given."""

    workload: str
    figure: str
    compare: str  # ">=" or "<="
    bound: float
    against: tuple[str, str] | None = None
    server: str = "confab"

    def is_met(self, value: float) -> bool:
        return holds(value, self.compare, self.bound)


def at_least(workload: str, figure: str, bound: float) -> Target:
    return Target(workload, figure, ">=", bound)


def at_most(workload: str, figure: str, bound: float) -> Target:
    return Target(workload, figure, "<=", bound)


def times_best(workload: str, figure: str, compare: str, bound: float) -> Target:
    return Target(workload, figure, compare, bound, against=(workload, BEST))


def against_gorilla(figure: str, compare: str, bound: float) -> Target:
    return Target("t-100", figure, compare, bound, ("t-100", "gorilla"), "confab-threads")


def one_to_two(workload: str, bound: float) -> Target:
    """Work of the busiest thread with one net thread, divided by that with two: how many times
    the rate grows where every thread has a processor."""
    return Target(workload, "busiest", ">=", bound, against=(workload, "confab-2-net"))


PEER_TARGETS = (
    times_best("a-1000", "deliveries", ">=", 2),
    times_best("a-1000", "cpu", "<=", 0.5),
    times_best("a-10000", "deliveries", ">=", 2),
    times_best("a-10000", "cpu", "<=", 0.5),
    times_best("b-20", "p99", "<=", 1),
    times_best("b-20", "cpu", "<=", 1.05),
    times_best("b-100", "p99", "<=", 1),
    times_best("b-100", "cpu", "<=", 1.05),
    times_best("b-300", "cpu", "<=", 0.6),
    at_most("b-300", "p99", 30),
    times_best("b-1000", "cpu", "<=", 0.6),
    at_most("b-1000", "p99", 30),
    times_best("c", "messages", ">=", 1.5),
    at_least("c", "messages", 20_000),
    times_best("d", "messages", ">=", 1.5),
    at_least("d", "messages", 20_000),
    at_most("e-10000", "memory", 6),
    at_most("e-1000", "connect_cpu", 0.15),
    at_most("e-10000", "connect_cpu", 0.15),
    at_most("f", "resume", 3),
    Target("g", "p99", "<=", 1.2, against=("g-0", "confab")),
    against_gorilla("deliveries", ">=", 3),
    against_gorilla("p99", "<=", 1),
    one_to_two("n", 1.6),
)


@dataclass(frozen=True)
class Line:
    """A row of confab's own table: a key of confab-bench's JSON, judged when it has a bound."""

    workload: str
    key: str
    label: str
    compare: str = ""
    bound: float | None = None

    def is_met(self, value: float) -> bool | None:
        return None if self.bound is None else holds(value, self.compare, self.bound)


def idle_lines(workload: str) -> tuple[Line, ...]:
    return (
        Line(workload, "rss_mb", "MB resident", "<=", 100),
        Line(workload, "kb_per_connection", "KiB per connection"),
        Line(workload, "connect_cpu_ms", "ms of CPU per connection made", "<=", 0.3),
        Line(workload, "connect_tail_cpu_ms", "ms for each of the last 1,000", "<=", 0.3),
        Line(workload, "cpu_percent", "% of a core while idle"),
    )


def light_lines(workload: str) -> tuple[Line, ...]:
    return (
        Line(workload, "p50_ms", "ms p50"),
        Line(workload, "p99_ms", "ms p99"),
        Line(workload, "cpu_us_per_delivery", "us of CPU per delivery"),
    )


OWN_LINES = (
    Line("closed", "deliveries_per_s", "deliveries/s", ">=", 2_000_000),
    Line("closed", "cpu_us_per_delivery", "us of CPU per delivery", "<=", 0.5),
    Line("closed", "p99_ms", "ms p99"),
    Line("closed", "redis_cpu_percent", "% of a core: Redis"),
    Line("closed", "own_cpu_percent", "% of a core: load generator"),
    Line("open", "p50_ms", "ms p50"),
    Line("open", "p99_ms", "ms p99", "<=", 15),
    Line("open", "p999_ms", "ms p99.9"),
    Line("open", "cpu_us_per_delivery", "us of CPU per delivery"),
    Line("threads", "deliveries_per_s", "deliveries/s", ">=", 300_000),
    Line("threads", "cpu_us_per_delivery", "us of CPU per delivery"),
    Line("threads", "p99_ms", "ms p99"),
    *idle_lines("idle"),
    *idle_lines("idle-rooms"),
    *light_lines("light-threads"),
    *light_lines("light-shared"),
    *light_lines("light-archive"),
    *light_lines("light-logins"),
)
