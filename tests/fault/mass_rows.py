"""How it is at all, and with many at once."""

from row import row
from support.deadline import FACTOR, seconds


@row(silence_s=3.0)
def calm(t):
    """No fault (long: for 10 minutes, then resident memory is at most 10 % above that after the
    first minute)."""
    with t.soak(t.world, pids=",".join(map(str, t.world.pids()))):
        t.hold(t.pick(2, 600))
    if t.long and FACTOR == 1:
        for process in t.reports[0]["processes"]:
            minute, end = process["minute"]["rss_kb"], process["end"]["rss_kb"]
            t.check(end <= 1.1 * minute, f"pid {process['pid']}: {minute} → {end} KB resident")


@row()
def resume(t):
    """Clients come back to 100 missed messages and have them within 50 ms (median)."""
    with t.soak(t.world, clients=12, joined=1, missed=100) as soak:
        soak.wait_end()
    median = t.reports[0]["resume_ms"]["p50"]
    t.check(median <= 1000 * seconds(0.05), f"a resume took {median} ms")


@row(memory=False)
def all_return(t):
    """500 clients (long: 2,000) come back at once, each to 100 missed messages: all have them
    within 5 s."""
    clients = t.pick(t.fewer(500), 2000)
    world = t.own_world(count=2)
    with t.soak(world, clients=clients, joined=1, rooms=10, missed=100) as soak:
        soak.wait_end()
    took = t.reports[0]["all_ms"]
    t.check(took <= 1000 * seconds(5), f"all were back after {took} ms")


@row(recovery_s=5.0)
def all_reconnect(t):
    """500 clients (long: 2,000) lose their only instance by kill -9; it comes back."""
    clients = t.pick(t.fewer(500), 2000)
    world = t.own_world(count=1)
    with t.soak(world, clients=clients, joined=1, rooms=10, rate=50, drop=0, moves=0) as soak:
        with soak.fault("all"):
            world.kill(0)
            world.restart(0)
        soak.wait_recovered()
