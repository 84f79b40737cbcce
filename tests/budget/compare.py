"""Reads what confab-budget and callgrind counted, and compares it with the budget.

The profile is read here and not by callgrind_annotate, which takes the callers of what is counted
(they began before counting did) for functions of their own that cost everything.
"""

import argparse
import re
import sys
from collections import Counter, defaultdict
from pathlib import Path

# The same program counts the same. Built in another folder it differs by up to 0.6 % (__FILE__ moves
# the texts behind it, and strlen's cost depends on how a text is aligned), with a patched compiler or
# library by a percent or two; a change worth looking at is more than five. 20 instructions are a call
# with its arguments: below 400 that is the grain.
TOLERANCE, GRAIN = 0.05, 20
EXPLAINED = 30  # functions


class Profile:
    """One dump of callgrind (format: valgrind manual, "Callgrind Format Specification")."""

    def __init__(self, path):
        self.names = {}
        self.path_name = None
        self.self_cost, self.with_callees = Counter(), Counter()
        self._read(path.read_text(errors="replace").splitlines())

    def _name(self, kind, text):
        """`(id) name` defines, `(id)` repeats."""
        number, _, name = text.partition(" ")
        return self.names.setdefault((kind, number), name)

    def _read(self, lines):
        library = function = callee = None
        calls = -1  # of the arc whose cost stands in this line
        for line in lines:
            key, _, value = line.partition("=")
            if line.startswith("desc: Trigger: Client Request: "):
                self.path_name = line.rpartition(" ")[2]
            elif key == "ob":
                library = called_library = self._name("ob", value)
            elif key == "fn":
                function = self._key(library, self._name("fn", value))
            elif key == "cob":
                called_library = self._name("ob", value)
            elif key == "cfn":
                callee = self._key(called_library, self._name("fn", value))
                called_library = library
            elif key == "calls":
                calls = int(value.split()[0])
            elif re.match(r"[-+*\d]", line):
                cost = int(line.split()[1])
                if calls < 0:
                    self.self_cost[function] += cost
                elif calls > 0 and callee != function:  # 0: began before counting did
                    self.with_callees[callee] += cost
                calls = -1

    @staticmethod
    def _key(library, name):
        """Functions of a library without symbols have addresses for names: they count as one."""
        name = re.sub(r"'\d+$|@+GLIBC\S*$", "", name)
        name = "(no symbol)" if name.startswith("0x") else name
        return name, Path(library or "?").name

    def total(self):
        return sum(self.self_cost.values())


def read_counts(folder):
    """What it was made with, and per path (instructions, allocations) of one operation."""
    profiles = {}
    for path in folder.glob("out.*"):
        profile = Profile(path)
        profiles[profile.path_name] = profile
    made_with, counts, operations = "", {}, {}
    for line in (folder / "counts").read_text().splitlines():
        name, *rest = line.split()
        if name == "with":
            made_with = " ".join(rest)
            continue
        times, allocations = int(rest[0]), int(rest[1])
        operations[name] = times
        counts[name] = (round(profiles[name].total() / times), round(allocations / times, 2))
    return made_with, counts, operations, profiles


def read_budget(path):
    made_with, budget, comments = "", {}, []
    for line in path.read_text().splitlines() if path.exists() else []:
        words = line.partition("#")[0].split()
        if not words:
            comments.append(line)
        elif words[0] == "with":
            made_with = " ".join(words[1:])
        else:
            budget[words[0]] = (int(words[1]), float(words[2]))
    return made_with, budget, comments


def write_budget(path, made_with, counts, comments):
    rows = [f"{name:<18} {instructions:>8} {allocations:>8g}"
            for name, (instructions, allocations) in counts.items()]
    path.write_text("\n".join([*comments, f"with {made_with}", *rows]) + "\n")


def judge(now, budget, same_compiler, same_libraries):
    """(what is wrong, what could be better) of one path."""
    if budget is None:
        return "has no budget: --update gives it one", ""
    margin = max(TOLERANCE * budget[0], GRAIN)
    wrong, better = [], []
    if same_compiler and same_libraries:
        if now[0] > budget[0] + margin:
            wrong.append("more instructions")
        if now[0] < budget[0] - margin:
            better.append("fewer instructions")
    if same_libraries:
        if now[1] > budget[1]:
            wrong.append("more allocations")
        if now[1] < budget[1]:
            better.append("fewer allocations")
    return ", ".join(wrong), ", ".join(better)


def compare(made_with, counts, budget_with, budget):
    now_with, then_with = made_with.split(), budget_with.split()
    same_compiler = now_with[:2] == then_with[:2]
    same_libraries = now_with[2:] == then_with[2:]
    print(f"{'path':<18} {'instructions':>12} {'budget':>8} {'ratio':>6}"
          f" {'allocations':>12} {'budget':>7}")
    failed = can_be_lowered = 0
    for name, now in counts.items():
        then = budget.get(name)
        wrong, better = judge(now, then, same_compiler, same_libraries)
        failed += bool(wrong)
        can_be_lowered += bool(better)
        beside = (f"{then[0]:>8} {now[0] / then[0]:>6.3f} {now[1]:>12g} {then[1]:>7g}" if then
                  else f"{'-':>8} {'-':>6} {now[1]:>12g} {'-':>7}")
        remark = f"  FAILED: {wrong}" if wrong else f"  {better}" if better else ""
        print(f"{name:<18} {now[0]:>12} {beside}{remark}")
    for name in budget.keys() - counts.keys():
        print(f"{name:<18} FAILED: was not counted")
        failed += 1
    if not (same_compiler and same_libraries):
        what = "instructions" if same_libraries else "nothing"
        print(f"\nmade with        {made_with}\nbudget made with {budget_with}\n"
              f"{'instructions were' if what == 'instructions' else 'the numbers were'}"
              " not compared: they are those of another compiler or other libraries")
    if can_be_lowered:
        print(f"\n{can_be_lowered} can be lowered: scripts/budget.sh --update")
    print(f"\n{len(counts) - failed} within the budget, {failed} not")
    return 1 if failed else 0


def explain(name, profile, times):
    total = profile.total()
    libraries = defaultdict(int)
    for (_, library), cost in profile.self_cost.items():
        libraries[library] += cost
    print(f"{name}: {total / times:.0f} instructions per operation, of {times}\n")
    for library, cost in sorted(libraries.items(), key=lambda item: -item[1]):
        print(f"{cost / times:>10.0f} {100 * cost / total:>5.1f} %  {library}")
    print(f"\n{'itself':>10} {'':>7} {'with callees':>13}  function")
    for key, cost in profile.self_cost.most_common(EXPLAINED):
        whole = max(profile.with_callees[key], cost)
        print(f"{cost / times:>10.0f} {100 * cost / total:>5.1f} % {whole / times:>13.0f}"
              f"  {key[0]}  {key[1]}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="counts of confab-budget, out.* of callgrind")
    parser.add_argument("budget", type=Path)
    parser.add_argument("--update", action="store_true")
    parser.add_argument("--explain", metavar="PATH")
    args = parser.parse_args()
    made_with, counts, operations, profiles = read_counts(args.folder)
    if args.explain:
        if args.explain not in counts:
            print(f"budget.sh: no such path; there are {' '.join(counts)}", file=sys.stderr)
            return 2
        explain(args.explain, profiles[args.explain], operations[args.explain])
        return 0
    budget_with, budget, comments = read_budget(args.budget)
    if args.update:
        write_budget(args.budget, made_with, counts, comments)
        budget_with, budget = made_with, counts
    return compare(made_with, counts, budget_with, budget)


if __name__ == "__main__":
    sys.exit(main())
