"""From stored runs to medians, the best peer, and verdicts."""

from collections import Counter, defaultdict
from dataclasses import dataclass

from figures import FIGURES, Figure, Spread, number, spread
from kinds import PEER_NAMES
from store import Run
from targets import BEST, Target
from workloads import Workload

DISTURBED_PERCENT = 20  # of a core, used by other programs
DISTURBED_S = 0.1  # less is within what the kernel's ticks can tell
FULL_PERCENT = 95  # the generator's processor limits what is measured
BEHIND = 0.97  # of what was due


class Results:
    def __init__(self, runs: list[Run]) -> None:
        self._runs: dict[tuple[str, str], list[Run]] = defaultdict(list)
        for run in runs:
            self._runs[run.workload, run.server].append(run)

    def runs(self, workload: str, server: str) -> list[Run]:
        return self._runs.get((workload, server), [])

    def good(self, workload: str, server: str) -> list[Run]:
        return [run for run in self.runs(workload, server) if not run.reason]

    def series_of(self, workload: Workload) -> int:
        """In how many series it was measured."""
        runs = [run for kind in workload.servers for run in self.runs(workload.name, kind.name)]
        return len({run.series for run in runs})

    def has_failed(self, workload: str, server: str) -> bool:
        """In half of its runs or more: then it has no figures."""
        runs = self.runs(workload, server)
        return bool(runs) and len(self.good(workload, server)) * 2 <= len(runs)

    def spread(self, workload: str, server: str, figure: str) -> Spread | None:
        if self.has_failed(workload, server):
            return None
        values = [FIGURES[figure].read(run.result) for run in self.good(workload, server)]
        return spread([value for value in values if value is not None])

    def median(self, workload: str, server: str, figure: str) -> float | None:
        found = self.spread(workload, server, figure)
        return found.median if found else None

    def ratio(self, workload: str, server: str, other: str, figure: str) -> float | None:
        """The figure of one divided by that of the other in each round; the median. Servers of a
        round were measured within minutes, so the machine's drift concerns both."""
        if self.has_failed(workload, server) or self.has_failed(workload, other):
            return None
        read = FIGURES[figure].read
        others = {run.round: read(run.result) for run in self.good(workload, other)}
        pairs = [(read(run.result), others.get(run.round)) for run in self.good(workload, server)]
        found = spread([ours / theirs for ours, theirs in pairs if ours is not None and theirs])
        return found.median if found else None

    def best(self, workload: str, server: str, figure: Figure) -> tuple[str, float] | None:
        """The peer that the server compares worst with, and the ratio."""
        ratios = [(self.ratio(workload, server, name, figure.name), name) for name in PEER_NAMES]
        found = [(value, name) for value, name in ratios if value is not None]
        if not found:
            return None
        value, name = min(found) if figure.more_is_better else max(found)
        return name, value

    def notes(self, workload: Workload, server: str) -> list[str]:
        """What a reader must know beside the figures."""
        found = []
        runs, good = self.runs(workload.name, server), self.good(workload.name, server)
        if len(good) < len(runs):
            count = f"{len(runs) - len(good)} of {len(runs)} runs"
            found.append(f"{count} failed: {commonest_reason(runs)}")
        if (self.median(workload.name, server, "generator") or 0) >= FULL_PERCENT:
            found.append("the processor of the generator and Redis was full: the server may be "
                         "able to do more")
        rate = self.median(workload.name, server, "deliveries")
        if rate and workload.due_per_s and rate < BEHIND * workload.due_per_s:
            found.append(f"fell behind: {rate / workload.due_per_s:.0%} of the deliveries due")
        resyncs = sum(run.result.get("total_resyncs", 0) for run in good)
        if resyncs and not workload.baseline:
            found.append(f"{resyncs:.0f} times a client was too slow and had to resume")
        return found

    def disturbed(self) -> list[list[str]]:
        """Workload, server, and what others used in each of the runs concerned."""
        found = []
        for (workload, server), runs in self._runs.items():
            percents = [
                f"{run.result['others_cpu_percent']:.0f} (run {run.run})"
                for run in runs
                if is_disturbed(run.result)
            ]
            if percents:
                found.append([workload, server, ", ".join(percents)])
        return found


def commonest_reason(runs: list[Run]) -> str:
    return Counter(run.reason for run in runs if run.reason).most_common(1)[0][0]


def is_disturbed(result: dict) -> bool:
    percent = result.get("others_cpu_percent", 0)
    window_s = result.get("resume_s", 1)
    return percent > DISTURBED_PERCENT and percent / 100 * window_s > DISTURBED_S


@dataclass
class Verdict:
    target: Target
    must: str
    reached: str
    passed: bool | None  # None: not measured


def ratio_text(ratio: float, name: str) -> str:
    return f"{number(ratio)} × {name}"


def judge(results: Results, target: Target) -> Verdict:
    sign = "≥" if target.compare == ">=" else "≤"
    must = f"{sign} {target.bound:,g}"
    if target.against:
        must += f" × {against_name(target)}"
    runs = results.runs(target.workload, target.server)
    if len(results.good(target.workload, target.server)) < len(runs):
        return Verdict(target, must, f"failed: {commonest_reason(runs)}", False)
    if target.against:
        found = compare(results, target)
        if found is None:
            return Verdict(target, must, "nothing to compare with", None)
        return Verdict(target, must, ratio_text(found[1], found[0]), target.is_met(found[1]))
    value = results.median(target.workload, target.server, target.figure)
    if value is None:
        return Verdict(target, must, "not measured", None)
    return Verdict(target, must, number(value), target.is_met(value))


def against_name(target: Target) -> str:
    workload, server = target.against
    return workload if workload != target.workload else server


def compare(results: Results, target: Target) -> tuple[str, float] | None:
    """With whom, and the ratio."""
    workload, server = target.against
    if server == BEST:
        return results.best(workload, target.server, FIGURES[target.figure])
    if workload == target.workload:
        ratio = results.ratio(workload, target.server, server, target.figure)
    else:  # not of one round
        ours = results.median(target.workload, target.server, target.figure)
        theirs = results.median(workload, server, target.figure)
        ratio = ours / theirs if ours is not None and theirs else None
    return None if ratio is None else (against_name(target), ratio)
