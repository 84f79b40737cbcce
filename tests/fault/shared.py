"""The instances that rows share which leave them alive."""

import os

from soak import Soak
from support.deadline import seconds
from world import World


class Shared:
    def __init__(self, folder):
        self._folder = folder
        self._world = None
        self._count = 0

    def peek(self):
        return self._world

    def get(self):
        """Warm: the first clients make an instance allocate what it then keeps."""
        if self._world is None:
            self._world = World()
            self._warm_up()
        return self._world

    def _warm_up(self):
        self._count += 1
        folder = os.path.join(self._folder, f"warm-up-{self._count}")
        os.mkdir(folder)
        load = Soak(
            folder, self._world.urls, clients=40, joined=3, rate=100, drop=10, sleep_ms=200,
            moves=10, seconds=1, settle=seconds(10),
        )  # fmt: skip
        try:
            load.wait_running()
            load.finish()
        finally:
            load.close()

    def drop(self):
        """Ends them; returns what went wrong with that. Who asks next gets new ones."""
        if self._world is None:
            return []
        world, self._world = self._world, None
        try:
            return world.stop()
        finally:
            world.destroy()
