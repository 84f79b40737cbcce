"""The series of the comparison: which runs, in which order, and how far it is."""

import sys
import time
from dataclasses import dataclass

from kinds import Kind
from rig import Rig
from store import Run, Store
from workloads import Workload

START_S = 0.7  # Redis, a server, the generator, and ending them
CONNECTS_PER_S = 3000


@dataclass(frozen=True)
class Step:
    workload: Workload
    kind: Kind
    run: int

    def expected_s(self, seconds: int | None) -> float:
        measured = self.workload.seconds if seconds is None else seconds
        if self.workload.mode == "resume":
            measured = 5
        connecting = self.workload.clients / CONNECTS_PER_S
        return START_S * self.workload.instances + connecting + self.workload.warm_up + measured


def plan(workloads: list[Workload], names: set[str], runs: int) -> list[Step]:
    """Servers alternate within each run, and each run begins with another one, so that a drift
    of the machine and the place in the order hit all alike."""
    steps = []
    for workload in workloads:
        kinds = [kind for kind in workload.servers if kind.name in names]
        for run in range(1, runs + 1):
            first = (run - 1) % len(kinds) if kinds else 0
            steps += [Step(workload, kind, run) for kind in kinds[first:] + kinds[:first]]
    return steps


class Progress:
    """Says on stderr what is measured, and guesses when it will end."""

    def __init__(self, steps: list[Step], seconds: int | None) -> None:
        self.steps, self.seconds = steps, seconds
        self.total_s = sum(step.expected_s(seconds) for step in steps)
        self.expected_s = self.took_s = 0.0
        say(f"{len(steps)} runs, about {minutes(self.total_s)}")

    def done(self, count: int, run: Run) -> None:
        self.expected_s += self.steps[count - 1].expected_s(self.seconds)
        self.took_s += run.took_s
        left_s = (self.total_s - self.expected_s) * self.took_s / self.expected_s
        say(
            f"[{count}/{len(self.steps)}] {run.workload} {run.server} run {run.run}: "
            f"{run.reason or 'good'}, {run.took_s:.1f} s; about {minutes(left_s)} left"
        )


def say(text: str) -> None:
    print(f"bench.sh: {text}", file=sys.stderr, flush=True)


def minutes(seconds: float) -> str:
    return f"{seconds / 60:.0f} min" if seconds >= 90 else f"{seconds:.0f} s"


def measure(rig: Rig, store: Store, series: str, steps: list[Step]) -> None:
    progress = Progress(steps, rig.seconds)
    for count, step in enumerate(steps, 1):
        outcome = rig.measure(step.workload, step.kind)
        run = Run(
            series,
            step.workload.name,
            step.kind.name,
            step.run,
            outcome.reason,
            round(outcome.took_s, 1),
            outcome.result,
        )
        store.add(run)
        progress.done(count, run)


def now() -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime())
