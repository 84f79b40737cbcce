"""A Redis that would forget is told of: in the log, in health and in stats."""

import pytest

from support.deadline import wait_for


def told(server, durable, warning=None):
    def now():
        health, redis = server.json("/api/v1/health"), server.stats()["redis"]
        return [(part["durable"], part.get("warning")) for part in (health, redis)]

    wait_for(lambda: now() == [(durable, warning)] * 2, f"durable is {durable}")
    assert server.health() == 200  # it works: until it restarts


VOLATILE = "Redis keeps nothing on disk: set appendonly yes"
EVICTS = "Redis drops keys when its memory is full: set maxmemory-policy noeviction"


def test_appends(own_redis, start):
    server = start(own_redis())
    told(server, True)
    assert not server.logged(event="redis_not_durable")


def test_neither_appends_nor_saves(own_redis, start):
    server = start(own_redis(durable=False))
    told(server, False, VOLATILE)
    assert [line["reason"] for line in server.logged(event="redis_not_durable")] == [VOLATILE]


def test_saves(own_redis, start):
    redis = own_redis(durable=False)
    redis.client.config_set("save", "3600 1")
    told(start(redis), True)


@pytest.mark.parametrize("policy", ["allkeys-lru", "volatile-ttl"])
def test_evicts(own_redis, start, policy):
    redis = own_redis()
    redis.client.config_set("maxmemory", "100mb")
    redis.client.config_set("maxmemory-policy", policy)
    server = start(redis)
    told(server, False, EVICTS)
    redis.client.config_set("maxmemory-policy", "noeviction")
    redis.client.client_kill_filter(_type="normal", skipme=True)  # it looks anew when it is back
    told(server, True)
    assert server.logged(event="redis_durable")


def test_a_limit_without_eviction_is_fine(own_redis, start):
    redis = own_redis()
    redis.client.config_set("maxmemory", "100mb")
    told(start(redis), True)


def test_config_is_forbidden(own_redis, start):
    redis = own_redis(durable=False)
    redis.client.execute_command("ACL", "SETUSER", "default", "-config")
    server = start(redis)
    told(server, None)
    assert not server.logged(event="redis_not_durable")
