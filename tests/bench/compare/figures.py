"""What is read out of one run's JSON, and how numbers are summed up and written."""

import math
import statistics
from dataclasses import dataclass
from typing import Callable

Result = dict[str, object]  # the JSON of confab-bench
Number = float | None


@dataclass(frozen=True)
class Figure:
    """A number of a run: `read` gives it, or None where the run has none."""

    name: str
    label: str
    more_is_better: bool | None  # None: not for comparing
    read: Callable[[Result], Number]


def key(name: str) -> Callable[[Result], Number]:
    """Zero is no measurement: nothing arrived, or the processes were not those that work."""
    return lambda result: result.get(name) or None


def count(name: str) -> Callable[[Result], Number]:
    return lambda result: result.get(name)


def memory_kb(result: Result) -> Number:
    """Kilobytes of 1,000 bytes; confab-bench gives KiB."""
    kib = result.get("kb_per_connection")
    return None if kib is None else kib * 1.024


def busiest_us(result: Result) -> Number:
    """CPU per delivery of the thread that works most: with a processor for every thread, the one
    that limits the rate."""
    shares = [
        value
        for name, value in result.items()
        if name.startswith("cpu_percent_") and name != "cpu_percent_user"
    ]
    rate = result.get("deliveries_per_s")
    return max(shares) / 100 * 1e6 / rate if shares and rate else None


def generator_percent(result: Result) -> Number:
    """Of the processor that the load generator shares with Redis."""
    own = result.get("own_cpu_percent")
    return None if own is None else own + result.get("redis_cpu_percent", 0)


_ALL = (
    Figure("deliveries", "deliveries/s", True, key("deliveries_per_s")),
    Figure("messages", "messages/s", True, key("messages_end_to_end_per_s")),
    Figure("cpu", "CPU µs per delivery", False, key("cpu_us_per_delivery")),
    Figure("p50", "p50 ms", False, key("p50_ms")),
    Figure("p99", "p99 ms", False, key("p99_ms")),
    Figure("p999", "p99.9 ms", False, key("p999_ms")),
    Figure("connect", "s to connect all", False, key("connect_s")),
    Figure("connect_cpu", "CPU ms per connect", False, key("connect_cpu_ms")),
    Figure("memory", "kB per connection", False, memory_kb),
    Figure("resident", "MB resident", None, key("rss_mb")),
    Figure("resume", "s until all have resumed", False, key("resume_s")),
    Figure("resume_cpu", "CPU ms per resume", False, key("resume_cpu_ms")),
    Figure("busiest", "busiest thread, µs per delivery", None, busiest_us),
    Figure("net0", "net-0 % of a core", None, key("cpu_percent_net-0")),
    Figure("net1", "net-1 % of a core", None, key("cpu_percent_net-1")),
    Figure("slow_closed", "slow ones cut off", None, count("total_slow_closed")),
    Figure("slow_resyncs", "slow ones sent to resume", None, count("total_slow_resyncs")),
    Figure("generator", "generator + Redis, % of a core", None, generator_percent),
)
FIGURES = {figure.name: figure for figure in _ALL}


@dataclass(frozen=True)
class Spread:
    median: float
    low: float
    high: float


def spread(values: list[float]) -> Spread | None:
    if not values:
        return None
    return Spread(statistics.median(values), min(values), max(values))


def number(value: float) -> str:
    """Three significant digits, and never an exponent."""
    if value == 0:
        return "0"
    decimals = 2 - math.floor(math.log10(abs(value)))
    return f"{round(value, decimals):,.{max(0, min(decimals, 4))}f}"
