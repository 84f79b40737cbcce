"""What came out of a row, and the table of all of them."""

from dataclasses import dataclass, field

SUMS = ("acked", "lost", "duplicated", "reordered", "gaps_declared", "messages_declared")
ARCHIVED = ("unarchived", "archived_twice")
HEAD = (
    "fault", "messages", "lost", "duplicated", "reordered", "gaps", "unarchived", "archived twice",
    "silence", "recovery",
    "memory back", "threads back", "descriptors back", "",
)  # fmt: skip
WIDTHS = (24, 8, 5, 10, 9, 5, 10, 14, 8, 8, 13, 13, 17, 0)


@dataclass
class Result:
    name: str
    seconds: float
    failures: list
    figures: dict  # of SUMS, silence_ms and recovery_ms; empty when nothing was measured
    held: list = field(default_factory=list)
    memory_judged: bool = True

    def as_json(self):
        return {
            "fault": self.name,
            "passed": not self.failures,
            "failures": self.failures,
            "seconds": round(self.seconds, 1),
            **self.figures,
            "instances": [
                {"before": h.before._asdict(), "after": h.after._asdict(), "lived": h.lived}
                for h in self.held
            ],
        }

    def cells(self):
        figures = [str(self.figures.get(name, "–")) for name in SUMS[:5] + ARCHIVED]
        times = [time_text(self.figures.get(name)) for name in ("silence_ms", "recovery_ms")]
        verdict = "FAILED" if self.failures else "ok"
        return [self.name, *figures, *times, *self._held_cells(), verdict]

    def _held_cells(self):
        if not self.held:
            return ["–"] * 3
        return [self._memory_text(), same_text(self.held, "threads"), same_text(self.held, "fds")]

    def _memory_text(self):
        growth = [h.after.rss_kb - h.before.rss_kb for h in self.held if h.lived]
        if not growth:
            return "–"
        most = f"{max(growth) / 1024:+.1f} MB"
        if not self.memory_judged:
            return most
        return f"{'yes' if all(h.memory_is_back for h in self.held) else 'NO'} {most}"


def time_text(ms):
    return "–" if ms is None else f"{ms / 1000:.2f} s"


def same_text(held, name):
    """Those that differ, or else what instances have."""
    pairs = [(getattr(h.before, name), getattr(h.after, name)) for h in held]
    changed = [f"{before}→{after}" for before, after in pairs if before != after]
    if changed:
        return f"NO {' '.join(changed)}"
    return "yes " + "/".join(dict.fromkeys(str(before) for before, _ in pairs))


def text_line(cells):
    return "  ".join(cell.ljust(width) for cell, width in zip(cells, WIDTHS)).rstrip()


def markdown_line(cells):
    return "| " + " | ".join(cells) + " |"
