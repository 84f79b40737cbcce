"""Instances die, stop, and are replaced under load."""

import signal

from proxy import Proxy
from redis_rows import AWAKE
from row import row


@row(recovery_s=5.0)
def instance_killed(t):
    """kill -9 of one of three instances every second (long: every 5 s for 2 minutes); it comes
    back on the same port.

    A client comes back within its back-off: it tries any instance after up to 0.25 s, 0.5 s, 1 s,
    2 s, and the dead one is away for 1 s: who meets it three times in a row needs 3.75 s, and the
    rest is its resume."""
    world = t.own_world()
    with t.soak(world, rate=50) as soak:
        for turn in range(t.pick(4, 24)):
            number = turn % len(world.servers)
            with soak.fault("kill"):
                world.kill(number)
            t.hold(t.pick(0.3, 1))
            world.restart(number)
            t.hold(t.pick(0.7, 4))
        soak.wait_recovered()


@row(silence_s=3.0, recovery_s=3.0)
def rolling_restart(t):
    """Three instances behind nginx are stopped (SIGTERM) and started again, each when nginx uses
    the one before again."""
    world = t.own_world()
    nginx = t.enter(Proxy(world.servers))
    with t.soak(world, urls=[nginx.url]) as soak:
        for _ in range(t.pick(1, 5)):
            for number in range(len(world.servers)):
                with soak.fault("restart"):
                    world.terminate(number)
                    world.restart(number)
                nginx.wait_sends_to(world.servers[number])
        soak.wait_recovered()


@row()
def instance_stopped(t):
    """SIGSTOP of one of three instances for 2 s (long: 5 s)."""
    with t.soak(t.world, rate=t.pick(60, 20), **AWAKE) as soak:
        process = t.world.servers[0].process
        with soak.fault("stopped"):
            process.send_signal(signal.SIGSTOP)
            t.hold(t.pick(2, 5))
            process.send_signal(signal.SIGCONT)
        soak.wait_recovered()
