"""Measures confab by itself against fixed targets."""

import json
import os
import statistics
import sys

from figures import number
from machine import libwebsockets_version, machine, processor, redis_version
from results import DISTURBED_PERCENT
from rig import Rig
from processes import CannotRun
from targets import OWN_LINES, Line
from workloads import OWN_WORKLOADS, Workload


def run_all(rig: Rig, workload: Workload, runs: int) -> tuple[list[dict], bool]:
    """The results, and whether all deliveries were right."""
    results, right = [], True
    for _ in range(runs):
        outcome = rig.measure(workload, workload.servers[0])
        if not outcome.result:
            raise CannotRun(f"{workload.name} could not run: {outcome.reason}")
        if outcome.reason:
            right = False
            print(f"bench.sh: {workload.name}: {outcome.reason}", file=sys.stderr)
        results.append(outcome.result)
    return results, right


def judged(line: Line, results: list[dict]) -> dict:
    median = statistics.median(result[line.key] for result in results)
    return {
        "workload": line.workload,
        "key": line.key,
        "median": median,
        "target": line.bound,
        "pass": line.is_met(median),
    }


def text(line: Line, row: dict) -> str:
    target = f"{line.compare} {line.bound:g}" if line.bound is not None else ""
    if line.bound is not None and line.bound >= 1000:
        target = f"{line.compare} {line.bound:,.0f}"
    verdict = {True: "pass", False: "FAIL", None: ""}[row["pass"]]
    return (
        f"{line.workload:<14} {line.label:<34} {number(row['median']):>14} {target:>14}  {verdict}"
    ).rstrip()


def disturbance(workload: Workload, results: list[dict]) -> str:
    percent = statistics.median(result["others_cpu_percent"] for result in results)
    if percent <= DISTURBED_PERCENT:
        return ""
    return f"{workload.name:<14} other programs used {percent:.0f} % of a core"


def run_own(rig: Rig, runs: int, only: list[str], json_path: str | None) -> int:
    head = {
        "processor": processor(),
        "processors": os.cpu_count(),
        "redis": redis_version(),
        "libwebsockets": libwebsockets_version(),
        "runs": runs,
    }
    print(
        f"{head['processors']} x {head['processor']}, {machine()['system']}, "
        f"Redis {head['redis']}, libwebsockets {head['libwebsockets']}, {runs} runs, "
        f"load average {os.getloadavg()[0]:.2f}"
    )
    print(f"{'workload':<14} {'what':<34} {'median':>14} {'target':>14}", flush=True)
    rows, all_right = [], True
    for workload in OWN_WORKLOADS:
        if only and workload.name not in only:
            continue
        results, right = run_all(rig, workload, runs)
        all_right = all_right and right
        lines = [line for line in OWN_LINES if line.workload == workload.name]
        new = [judged(line, results) for line in lines]
        said = [text(line, row) for line, row in zip(lines, new)]
        print("\n".join(filter(None, [disturbance(workload, results), *said])), flush=True)
        rows += new
    if json_path:
        with open(json_path, "w", encoding="utf-8") as f:
            json.dump({**head, "lines": rows}, f, indent=2)
            f.write("\n")
    return 0 if all_right and all(row["pass"] is not False for row in rows) else 1
