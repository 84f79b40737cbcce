#!/usr/bin/python3
"""Counts tests in the report of a runner: prints PASSED FAILED SKIPPED.

count.py ctest FILE    JUnit file of ctest, whose programs are cmocka programs
count.py pytest FILE   JUnit file of pytest
count.py node FILE     text that node --test printed
"""

import re
import sys
import xml.etree.ElementTree as ET


def ctest(path):
    """Each cmocka test counts; a program that ended without a report counts as one failure."""
    passed = failed = skipped = 0
    for case in ET.parse(path).getroot().iter("testcase"):
        text = case.findtext("system-out") or ""
        found = {
            word: sum(map(int, re.findall(rf"\[\s+{word}\s+\] (\d+) test\(s\)", text)))
            for word in ("PASSED", "FAILED", "SKIPPED")
        }
        passed += found["PASSED"]
        skipped += found["SKIPPED"]
        failed += found["FAILED"]
        if case.get("status") != "run" and not found["FAILED"]:
            failed += 1
        elif case.get("status") == "run" and not any(found.values()):
            passed += 1
    return passed, failed, skipped


def pytest(path):
    passed = failed = skipped = 0
    for case in ET.parse(path).getroot().iter("testcase"):
        if case.find("failure") is not None or case.find("error") is not None:
            failed += 1
        elif case.find("skipped") is not None:
            skipped += 1
        else:
            passed += 1
    return passed, failed, skipped


def node(path):
    with open(path, encoding="utf-8", errors="replace") as f:
        text = re.sub(r"\x1b\[[0-9;]*m", "", f.read())

    def total(word):
        return sum(map(int, re.findall(rf"^(?:#|ℹ) {word} (\d+)$", text, re.MULTILINE)))

    return total("pass"), total("fail") + total("cancelled"), total("skipped") + total("todo")


def main():
    runners = {"ctest": ctest, "pytest": pytest, "node": node}
    if len(sys.argv) != 3 or sys.argv[1] not in runners:
        sys.exit(__doc__)
    print(*runners[sys.argv[1]](sys.argv[2]))


if __name__ == "__main__":
    main()
