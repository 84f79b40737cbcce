"""Fixtures. A server pair runs in every pump mode and with one and two net threads; tests that
share it use rooms and users of their own, so they do not disturb each other."""

import itertools
import os
import signal
import unicodedata

import pytest

from support.client import Client
from support.deadline import wait_for
from support.raw import Raw
from support.redis import Redis
from support.rest import Device
from support.server import BINARY, Server

# With this limit `auto` crosses from dedicated to shared pumps and back in nearly every test.
_AUTO = {"PUMPS": "auto", "PUMP_THREAD_CLIENTS": 2}
_PUMPS = {"threads": {"PUMPS": "threads"}, "shared": {"PUMPS": "shared"}, "auto": _AUTO}
# CONFAB_MATRIX="threads-2 shared-1" runs only these.
_WANTED = os.environ.get("CONFAB_MATRIX", "").split()
MATRIX = [
    pytest.param({**settings, "NET_THREADS": nets}, id=f"{pumps}-{nets}")
    for pumps, settings in _PUMPS.items()
    for nets in (1, 2)
    if not _WANTED or f"{pumps}-{nets}" in _WANTED
]
# All come from one address.
QUIET = {"RATE_LIMIT_MESSAGES": 0, "REGISTER_LIMIT_ADDRESS": 0, "LOGIN_LIMIT_ADDRESS": 0}

_numbers = itertools.count(1)


def pytest_sessionstart():
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # confab respects nohup; the tests send SIGHUP
    if not os.access(BINARY, os.X_OK):
        pytest.exit(f"{BINARY} is not built: cmake --preset release, then cmake --build", 2)


class Names:
    """Names that no other test uses."""

    def __getattr__(self, base):
        return f"{base}-{next(_numbers)}"


@pytest.fixture
def new():
    return Names()


@pytest.fixture
def room(new):
    return new.room


@pytest.fixture(scope="session")
def redis():
    with Redis() as r:
        yield r


@pytest.fixture(scope="session", params=MATRIX)
def pair(request, redis):
    """Two instances on one Redis, in each way to run them."""
    with Server(redis, **QUIET, **request.param) as a, Server(redis, **QUIET, **request.param) as b:
        a.wait_health(200)
        b.wait_health(200)
        yield a, b


@pytest.fixture
def server(pair):
    return pair[0]


@pytest.fixture
def other(pair):
    return pair[1]


@pytest.fixture(scope="session")
def plain(redis):
    """One instance with the defaults, for what does not depend on pumps."""
    with Server(redis) as s:
        s.wait_health(200)
        yield s


@pytest.fixture(scope="session")
def two_servers(redis):
    """For what does not depend on pumps, and takes two instances."""
    with Server(redis, **QUIET) as a, Server(redis, **QUIET) as b:
        a.wait_health(200)
        b.wait_health(200)
        yield a, b


@pytest.fixture
def here(two_servers):
    return two_servers[0]


@pytest.fixture
def there(two_servers):
    return two_servers[1]


@pytest.fixture
def start(request):
    """Starts servers with settings of the test's own and stops them, checked, at its end."""

    def start(redis, ready=True, **settings):
        server = Server(redis, **{**QUIET, **settings})
        request.addfinalizer(lambda: server.__exit__(None))
        if ready:
            server.wait_health(200)
        return server

    return start


@pytest.fixture
def own_redis(request):
    """A Redis that the test may break."""

    def own_redis(**options):
        r = Redis(**{"durable": True, **options})
        request.addfinalizer(r.close)
        return r

    return own_redis


@pytest.fixture
def connect(request):
    """A client; with a user it is welcome and in its room before the call returns."""

    def connect(server, user=None, room=None, **options):
        client = Client(server, user, room, **options)
        request.addfinalizer(lambda: client.close() if client.is_open else None)
        if user is not None:
            client.expect("welcome")
            client.room = unicodedata.normalize("NFC", room or "general")
            client.joined, client.history = client.expect_joined(client.room)
        return client

    return connect


@pytest.fixture(autouse=True)
def devices_leave():
    """No test finds somebody on the server whom another one left there."""
    yield
    while Device.opened:
        client = Device.opened.pop()
        if client.is_open:
            client.close()


@pytest.fixture
def raw(request):
    """A raw connection; with a user it has done the handshake and is in its room."""

    def raw(server, user=None, room=None, **options):
        connection = Raw(server, **options)
        request.addfinalizer(connection.close)
        if user is not None:
            assert connection.upgrade(f"/ws?username={user}&room={room}") == 101
            connection.expect("welcome")
            connection.expect("history", room=room)
        return connection

    return raw


@pytest.fixture
def present(redis):
    """Waits until Redis has the lease of a client's user, so that every instance knows: joins of
    one moment are gathered, and `joined` is sent before."""

    def present(client):
        key = f"confab:{{room:{client.room}}}:members"
        lease = f"{client.user}|{client.instance}"
        wait_for(lambda: redis.client.zscore(key, lease), f"{lease} is in {client.room}")
        return client

    return present
