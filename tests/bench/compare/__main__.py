"""Measures confab, by itself or against its peers; see --help."""

import argparse
import os
import resource
import shlex
import signal
import sys

import machine
import prepare
import report
from kinds import KINDS, PEER_NAMES
from own import run_own
from processes import PEERS, ROOT, CannotRun
from results import Results
from rig import Rig
from series import measure, now, plan, say
from store import Series, Store
from workloads import OWN_WORKLOADS, PEER_WORKLOADS

DESCRIPTION = """\
Measures confab with Redis in the path: the server on processor 0, confab-bench and a private
Redis (append-only file, everysec) on processor 1. Every run gets a fresh server and a fresh Redis.
The table shows the median of the runs beside its target.

With --peers the same loads also drive other servers, in turn, and the result goes to
docs/benchmarks: tables, plots, and every run as a line of runs.jsonl."""


def epilog() -> str:
    def lines(workloads):
        return "\n".join(f"  {w.name:<14} {w.what}" for w in workloads)

    return (
        f"workloads\n{lines(OWN_WORKLOADS)}\n\nworkloads with --peers\n{lines(PEER_WORKLOADS)}\n\n"
        f"peers: {', '.join(PEER_NAMES)} (see tests/bench/peers/README.md)\n\n"
        "Exit status: 0 all targets are met, 1 some are not, 2 something could not run."
    )


def names(text: str) -> list[str]:
    return [name for name in text.split(",") if name]


def positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise ValueError
    return value


def arguments() -> argparse.Namespace:
    p = argparse.ArgumentParser(
        prog="scripts/bench.sh",
        description=DESCRIPTION,
        epilog=epilog(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    p.add_argument("--runs", type=positive, help="runs of each workload (3; with --peers 5)")
    p.add_argument("--only", type=names, default=[], metavar="NAME[,…]", help="these workloads")
    p.add_argument("--seconds", type=positive, help="measure for so long in each run")
    p.add_argument("--build", metavar="DIR", help="measure the programs in DIR, build nothing")
    p.add_argument("--json", metavar="FILE", help="also write the table as JSON (not with --peers)")
    p.add_argument("--peers", action="store_true", help="compare with the peers")
    p.add_argument("--peer", type=names, default=[], metavar="NAME[,…]",
                   help="these peers only; 'confab' for none")
    p.add_argument("--out", metavar="DIR", default=os.path.join(ROOT, "docs", "benchmarks"),
                   help="for the results of --peers (docs/benchmarks)")
    p.add_argument("--continue", action="store_true", dest="resume",
                   help="with --peers: keep the runs that are stored, measure what is missing")
    p.add_argument("--report", action="store_true",
                   help="with --peers: make tables and plots of the stored runs, measure nothing")
    options = p.parse_args()
    check(p, options)
    return options


def check(p: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    if not options.peers and (options.peer or options.resume or options.report):
        p.error("--peer, --continue and --report go with --peers")
    if options.peers and options.json:
        p.error("--peers writes runs.jsonl, not --json")
    workloads = PEER_WORKLOADS if options.peers else OWN_WORKLOADS
    for name in set(options.only) - {w.name for w in workloads}:
        p.error(f"no such workload: {name}")
    for name in set(options.peer) - {*PEER_NAMES, "confab"}:
        p.error(f"no such peer: {name}")
    options.runs = options.runs or (5 if options.peers else 3)
    options.workloads = [w for w in workloads if not options.only or w.name in options.only]


def compare(options: argparse.Namespace) -> int:
    os.makedirs(options.out, exist_ok=True)
    store = Store(options.out)
    if not options.report:
        measure_peers(options, store)
    if not store.runs:
        raise CannotRun(f"no runs in {store.path}")
    print(report.terminal(store))
    report.write_readme(options.out, report.markdown(store, draw(store, options.out)))
    return 1 if report.failures(Results(store.runs)) else 0


def measure_peers(options: argparse.Namespace, store: Store) -> None:
    chosen = options.peer or PEER_NAMES
    servers = {name for name, kind in KINDS.items() if not kind.is_peer or name in chosen}
    if not options.build:
        prepare.install_packages()
    if servers & set(PEER_NAMES):
        prepare.install_modules()
    for name in servers & set(PEER_NAMES):
        if not os.access(os.path.join(PEERS, f"{name}.sh"), os.X_OK):
            raise CannotRun(f"no program tests/bench/peers/{name}.sh")
    steps = plan(options.workloads, servers, options.runs)
    with Rig(options.build or prepare.build(), over_tcp=True, seconds=options.seconds) as rig:
        if options.resume:
            steps = [s for s in steps if not store.has(s.workload.name, s.kind.name, s.run)]
        else:
            store.drop({(step.workload.name, step.kind.name) for step in steps})
        kinds = list({step.kind.name: step.kind for step in steps}.values())
        series = Series(
            now(),
            shlex.join(["scripts/bench.sh", *sys.argv[1:]]),
            machine.revision(),
            machine.machine(),
            machine.versions(kinds),
        )
        store.begin(series)
        measure(rig, store, series.id, steps)


def draw(store: Store, folder: str) -> list[str]:
    try:
        import plot
    except ImportError:
        say("no plots: python3-matplotlib is missing (scripts/deps.sh peers)")
        return [name for name in report.PLOTS if os.path.exists(os.path.join(folder, name))]
    return plot.draw_all(Results(store.runs), folder)


def main() -> int:
    options = arguments()
    for number in (signal.SIGINT, signal.SIGTERM):  # what was started is ended on the way out
        signal.signal(number, signal.default_int_handler)
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # 10,000 connections on either side
    try:
        if options.peers:
            return compare(options)
        with Rig(options.build or prepare.build(), over_tcp=False, seconds=options.seconds) as rig:
            return run_own(rig, options.runs, options.only, options.json)
    except CannotRun as error:
        say(str(error))
        return 2
    except KeyboardInterrupt:
        return 2


if __name__ == "__main__":
    sys.exit(main())
