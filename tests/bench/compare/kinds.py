"""The servers that are compared, and how each of them is asked to run."""

from dataclasses import dataclass, field

PEER_NAMES = ("bun", "nchan", "ws", "socketio", "gorilla", "gorilla-frames")


@dataclass(frozen=True)
class Kind:
    name: str
    dialect: str = "confab"  # of confab-bench
    settings: dict[str, str] = field(default_factory=dict)  # confab's environment

    @property
    def is_peer(self) -> bool:
        return self.name in PEER_NAMES


def confab(name: str, pumps: str = "shared", net_threads: int = 1, archive: str = "off") -> Kind:
    settings = {"PUMPS": pumps, "NET_THREADS": str(net_threads), "ARCHIVE": archive}
    return Kind(name, settings=settings)


CONFAB = confab("confab")
THREADS = confab("confab-threads", pumps="threads")
TWO_NETS = confab("confab-2-net", net_threads=2)
ARCHIVE = confab("confab-archive", archive="sqlite")
PEERS = (
    Kind("bun"),
    Kind("nchan", dialect="nchan"),
    Kind("ws"),
    Kind("socketio", dialect="socketio"),
    Kind("gorilla", dialect="lines"),
)
GORILLA = PEERS[-1]
FRAMES = Kind("gorilla-frames")  # the same server, one frame for each message like all others
KINDS = {kind.name: kind for kind in (CONFAB, THREADS, TWO_NETS, *PEERS, FRAMES)}
