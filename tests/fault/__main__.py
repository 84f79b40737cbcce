"""Runs the rows of the fault suite one after another and prints what came out; see fault.sh."""

import argparse
import json
import os
import shutil
import signal
import sys
import tempfile
import time

sys.path.insert(1, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "integration"))

# Each module brings its rows; they run in this order.
import mass_rows  # noqa: E402, F401
import redis_rows  # noqa: E402, F401
import client_rows  # noqa: E402, F401
import instance_rows  # noqa: E402, F401
import archive_rows  # noqa: E402, F401
import away_rows  # noqa: E402, F401
from result import HEAD, Result, markdown_line, text_line  # noqa: E402
from row import ROWS  # noqa: E402
from shared import Shared  # noqa: E402
from soak import SOAK  # noqa: E402
from support.server import BINARY  # noqa: E402
from trial import Trial  # noqa: E402


def arguments():
    p = argparse.ArgumentParser(prog="fault.sh")
    p.add_argument("--long", action="store_true")
    p.add_argument("--json", metavar="FILE")
    p.add_argument("--markdown", action="store_true")
    p.add_argument("--list", action="store_true")
    p.add_argument("--seed", type=int)
    p.add_argument("rows", nargs="*", metavar="ROW")
    options = p.parse_args()
    for program in (BINARY, SOAK):
        if not (options.list or os.access(program, os.X_OK)):
            p.error(f"{program} is not built")
    unknown = [name for name in options.rows if name not in ROWS]
    if unknown:
        p.error(f"no row {unknown[0]}: see --list")
    return options


def run(row, options, folder, shared):
    os.mkdir(folder)
    begin = time.monotonic()
    trial = Trial(row, options.long, folder, shared, options.seed)
    try:
        row.run(trial)
        trial.judge()
    except Exception as error:  # whatever it is, the other rows are run
        trial.error(error)
    finally:
        trial.close()
    if trial.failures:
        trial.failures += shared.drop()
    else:
        shutil.rmtree(folder)
    return trial.result(time.monotonic() - begin)


def main():
    options = arguments()
    if options.list:
        for row in ROWS.values():
            print(f"{row.name:26}{row.what}")
        return 0
    for number in (signal.SIGINT, signal.SIGTERM):  # what was started is ended on the way out
        signal.signal(number, signal.default_int_handler)
    line = markdown_line if options.markdown else text_line
    rows = [ROWS[name] for name in dict.fromkeys(options.rows)] or list(ROWS.values())
    top = tempfile.mkdtemp(prefix="confab-fault-")
    begin = time.monotonic()
    results = []
    print(line(HEAD), flush=True)
    if options.markdown:
        print(line(["---"] * len(HEAD)), flush=True)
    shared = Shared(top)
    try:
        for row in rows:
            results.append(run(row, options, os.path.join(top, row.name), shared))
            print(line(results[-1].cells()), flush=True)
    except KeyboardInterrupt:
        shared.drop()
        shutil.rmtree(top)
        return 130
    found = shared.drop()
    if found:
        results.append(Result("stop", 0, found, {}))
        print(line(results[-1].cells()), flush=True)
    return finish(options, results, top, time.monotonic() - begin)


def finish(options, results, top, took):
    failed = [r for r in results if r.failures]
    print(f"\n{len(results) - len(failed)} passed, {len(failed)} failed, {took:.0f} s")
    for result in failed:
        print(f"\n{result.name}: logs in {os.path.join(top, result.name)}")
        for text in result.failures:
            print(f"  {text}")
    if options.json:
        with open(options.json, "w", encoding="utf-8") as f:
            rows = [r.as_json() for r in results]
            json.dump({"long": options.long, "seconds": round(took), "rows": rows}, f, indent=2)
            f.write("\n")
    if not failed:
        shutil.rmtree(top)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
