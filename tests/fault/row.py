"""A row of the table: a function that injects one fault, and what must be true of it."""

from dataclasses import dataclass
from typing import Callable


@dataclass(frozen=True)
class Expected:
    """Besides what holds for every row: nothing lost, duplicated, reordered or left open."""

    recovery_s: float | None = 2.0  # after the end of each fault; None: not bounded
    silence_s: float | None = None  # longest that a client who listens sees nothing; None: any
    gaps: bool = False  # gaps may be declared
    loss: bool = False  # Redis itself forgets: what is lost must be declared
    refused: bool = False  # messages are refused for good, and must be
    reconnects: bool = True  # clients may lose their connections
    memory: bool = True  # of every instance back to the start


@dataclass(frozen=True)
class Row:
    name: str
    what: str
    run: Callable
    expected: Expected


ROWS = {}


def row(**expected):
    """Makes a row of a function: its name, the first paragraph of its text, its expectations."""

    def register(run):
        name = run.__name__.replace("_", "-")
        what = " ".join(run.__doc__.split("\n\n")[0].split())
        ROWS[name] = Row(name, what, run, Expected(**expected))
        return run

    return register
