"""People are away, on some of their devices, while instances die."""

import os

from devices import Crowd, accounts_file
from row import row

CLIENTS = 24
UNLIMITED = {"REGISTER_LIMIT_ADDRESS": 0, "LOGIN_LIMIT_ADDRESS": 0}


@row(recovery_s=5.0)
def device_away(t):
    """kill -9 of one of three instances every 2 s (long: every 3 s for 2 minutes), while the two
    devices of each account come and go, and others write to them. Other accounts chat in rooms.

    In the end each device must have every private message, once and in order, though it keeps
    nothing of where it was: the cursors in Redis are all there is."""
    world = t.own_world(**UNLIMITED)
    accounts = accounts_file(world, CLIENTS, os.path.join(t.folder, "accounts"))
    load = t.soak(world, rate=20, clients=CLIENTS, accounts=accounts)
    with load as soak, Crowd(world, accounts=t.pick(4, 20)) as crowd:
        for turn in range(t.pick(4, 40)):
            number = turn % len(world.servers)
            t.hold(t.pick(0.7, 2))
            with soak.fault("kill"):
                world.kill(number)
            t.hold(t.pick(0.3, 1))
            world.restart(number)
        soak.wait_recovered()
        crowd.settle()
        report = crowd.report()
        t.check(crowd.total("connections") > 4 * len(crowd.devices), "devices hardly came and went")
    t.reports.append(report)
