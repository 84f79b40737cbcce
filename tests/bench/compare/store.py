"""runs.jsonl: what was measured, one JSON document per line.

A line is either a series (when, where, with what) or a run that names its series. Runs are
appended as they end, so a series that is interrupted is not lost."""

import json
import os
from dataclasses import asdict, dataclass, field


@dataclass
class Series:
    id: str  # when it began
    command: str
    confab: str  # revision
    machine: dict[str, str] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)


@dataclass
class Run:
    series: str
    workload: str
    server: str
    run: int
    reason: str  # why it failed; empty when it did not
    took_s: float
    result: dict

    @property
    def round(self) -> tuple[str, int]:
        """In which all servers of a workload took their turns."""
        return self.series, self.run


class Store:
    def __init__(self, folder: str) -> None:
        self.path = os.path.join(folder, "runs.jsonl")
        self.series: dict[str, Series] = {}
        self.runs: list[Run] = []
        if os.path.exists(self.path):
            with open(self.path, encoding="utf-8") as f:
                for line in f:
                    self._read(json.loads(line))

    def _read(self, document: dict) -> None:
        if "workload" in document:
            self.runs.append(Run(**document))
        else:
            series = Series(**document)
            self.series[series.id] = series

    def _append(self, document: Series | Run) -> None:
        with open(self.path, "a", encoding="utf-8") as f:
            f.write(to_line(document))

    def add(self, run: Run) -> None:
        run.result = without_zero_faults(run.result)
        self.runs.append(run)
        self._append(run)

    def begin(self, series: Series) -> None:
        self.series[series.id] = series
        self._append(series)

    def drop(self, pairs: set[tuple[str, str]]) -> None:
        """Forgets the runs of each (workload, server), and series without runs."""
        self.runs = [run for run in self.runs if (run.workload, run.server) not in pairs]
        used = {run.series for run in self.runs}
        self.series = {id: series for id, series in self.series.items() if id in used}
        with open(self.path + ".new", "w", encoding="utf-8") as f:
            f.writelines(to_line(series) for series in self.series.values())
            f.writelines(to_line(run) for run in self.runs)
        os.replace(self.path + ".new", self.path)

    def has(self, workload: str, server: str, run: int) -> bool:
        return any((r.workload, r.server, r.run) == (workload, server, run) for r in self.runs)


def to_line(document: Series | Run) -> str:
    return json.dumps(asdict(document), separators=(",", ":")) + "\n"


def without_zero_faults(result: dict) -> dict:
    return {
        key: value
        for key, value in result.items()
        if value != 0 or not key.startswith("fault_")
    }
