"""The plots of docs/benchmarks, as small SVG files that are the same for the same runs.

Needs matplotlib (Debian: python3-matplotlib). Text and lines are of middle brightness on no
background, so that they can be read on light and on dark pages."""

import os

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt  # noqa: E402
from matplotlib.ticker import FuncFormatter, NullFormatter, NullLocator  # noqa: E402

from figures import number  # noqa: E402
from kinds import CONFAB, PEERS  # noqa: E402
from results import Results  # noqa: E402
from workloads import RATES, ROOMS  # noqa: E402

INK = "#7a828e"
STYLE = {  # colour, marker
    "confab": ("#f0580a", "o"),
    "bun": ("#a875f5", "s"),
    "nchan": ("#2c9f4b", "^"),
    "ws": ("#3b86e8", "D"),
    "socketio": ("#8a93a0", "v"),
    "gorilla": ("#d4569a", "P"),
}
SERVERS = (CONFAB, *PEERS)

plt.rcParams.update({
    "svg.hashsalt": "confab",
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 10,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": INK,
    "axes.titlecolor": INK,
    "axes.titlesize": 10,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "grid.color": INK,
    "grid.alpha": 0.25,
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "savefig.transparent": True,
})


def short(value: float, _=None) -> str:
    """2,000,000 as 2 M."""
    for size, letter in ((1e6, " M"), (1e3, " k")):
        if value >= size:
            return f"{value / size:g}{letter}"
    return f"{value:g}"


def curve(axes, results: Results, workloads: dict[int, str], figure: str) -> None:
    """A line per server over the keys of `workloads`, with the range of the runs."""
    for kind in reversed(SERVERS):  # confab on top
        points = [(x, results.spread(name, kind.name, figure)) for x, name in workloads.items()]
        points = [(x, spread) for x, spread in points if spread and spread.median > 0]
        if not points:
            continue
        xs = [x for x, _ in points]
        ys = [spread.median for _, spread in points]
        around = [[s.median - s.low for _, s in points], [s.high - s.median for _, s in points]]
        colour, marker = STYLE[kind.name]
        axes.errorbar(
            xs,
            ys,
            yerr=around,
            label=kind.name,
            color=colour,
            marker=marker,
            markersize=5.5 if kind is CONFAB else 4.5,
            linewidth=2.4 if kind is CONFAB else 1.2,
            elinewidth=0.8,
        )


def panel(axes, results, workloads: dict[int, str], figure: str, title: str, below: str) -> None:
    curve(axes, results, workloads, figure)
    axes.set(xscale="log", yscale="log", title=title, xlabel=below)
    axes.set_xticks(list(workloads), [f"{x:,}" for x in workloads])
    axes.xaxis.set_minor_locator(NullLocator())
    few_ticks(axes)


def few_ticks(axes) -> None:
    """Ticks at 1, 2 and 5; a logarithmic axis over less than a decade would have one or none."""
    axes.yaxis.set_major_locator(matplotlib.ticker.LogLocator(subs=(1, 2, 5), numticks=20))
    axes.yaxis.set_major_formatter(FuncFormatter(short))
    axes.yaxis.set_minor_formatter(NullFormatter())


def two_panels(results, path: str, workloads: dict[int, str], below: str, panels) -> None:
    picture, axes = plt.subplots(1, 2, figsize=(8.4, 3.5), layout="constrained")
    for one, (figure, title) in zip(axes, panels):
        panel(one, results, workloads, figure, title, below)
    legend(picture, axes)
    save(picture, path)


def legend(picture, axes) -> None:
    """One for all panels, confab first."""
    found = {}
    for one in axes:
        handles, labels = one.get_legend_handles_labels()
        found.update(zip(labels, handles))
    names = [kind.name for kind in SERVERS if kind.name in found]
    lines = [found[name] for name in names]
    picture.legend(lines, names, loc="lower center", bbox_to_anchor=(0.5, 1), ncols=6)


def memory(results: Results, path: str) -> None:
    """Bars: kB per connection, by server, at both numbers of clients."""
    sizes = {1000: "e-1000", 10000: "e-10000"}
    picture, axes = plt.subplots(figsize=(8.4, 3.2), layout="constrained")
    for place, kind in enumerate(reversed(SERVERS)):
        for row, (clients, name) in enumerate(sizes.items()):
            value = results.median(name, kind.name, "memory")
            if value is None:
                continue
            at = place + (0.19 if row == 0 else -0.19)
            colour = STYLE[kind.name][0]
            axes.barh(at, value, 0.34, color=colour, alpha=0.55 if row == 0 else 1)
            axes.annotate(
                f"{number(value)} at {clients:,}",
                (value, at),
                xytext=(4, 0),
                textcoords="offset points",
                va="center",
                fontsize=8.5,
            )
    axes.set_yticks(range(len(SERVERS)), [kind.name for kind in reversed(SERVERS)])
    axes.tick_params(axis="y", length=0)
    axes.set_title("kB per idle connection")
    axes.grid(False, axis="y")
    axes.grid(True, axis="x")
    axes.margins(x=0.14)
    save(picture, path)


def save(picture, path: str) -> None:
    picture.savefig(path, metadata={"Date": None}, bbox_inches="tight")
    plt.close(picture)


def draw_all(results: Results, folder: str) -> list[str]:
    """Writes those for which there are runs, and names them."""
    clients = {n: f"a-{n}" for n in (100, 1000, 10000)}
    rates = {rate: f"b-{rate}" for rate in RATES}
    cpu = ("cpu", "CPU µs per delivery")
    plots = {
        "clients.svg": (clients, "clients in one room", [("deliveries", "deliveries/s"), cpu]),
        "rates.svg": (rates, "messages/s to 1,000 clients", [cpu, ("p99", "p99 ms")]),
        "rooms.svg": (ROOMS, "rooms of 10 clients", [("messages", "messages/s"), cpu]),
    }
    drawn = []
    for name, (workloads, below, panels) in plots.items():
        if is_measured(results, workloads.values()):
            two_panels(results, os.path.join(folder, name), workloads, below, panels)
            drawn.append(name)
    if is_measured(results, ("e-1000", "e-10000")):
        memory(results, os.path.join(folder, "memory.svg"))
        drawn.append("memory.svg")
    return drawn


def is_measured(results: Results, workloads) -> bool:
    return any(results.good(name, kind.name) for name in workloads for kind in SERVERS)
