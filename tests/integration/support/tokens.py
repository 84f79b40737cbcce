"""Access tokens made by hand: devices as the server keeps them in Redis, and tokens signed with its
keys by another implementation."""

import base64
import hashlib
import hmac
import json
import secrets

from .deadline import wait_for


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unbase64url(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def compact(value):
    return json.dumps(value, separators=(",", ":"), sort_keys=True).encode()


class Account:
    """A name with a device, of which only Redis knows. Times are those of Redis."""

    def __init__(self, redis, name):
        self.redis = redis.client
        self.name = name
        self.seed = secrets.token_bytes(32)
        self.device = self.new_device()

    def new_device(self):
        device = secrets.token_hex(8)
        self.redis.hset(
            f"confab:device:{device}",
            mapping={"user": self.name, "label": "", "seed": base64url(self.seed), "n": 0},
        )
        self.redis.zadd(f"confab:{{user:{self.name}}}:devices", {device: int(self.now() * 1000)})
        return device

    def forget_device(self):
        """As if its revocation had not reached anybody."""
        self.redis.delete(f"confab:device:{self.device}")
        self.redis.zrem(f"confab:{{user:{self.name}}}:devices", self.device)

    def revoke_device(self):
        self.forget_device()
        self.redis.publish(f"confab:user:{self.name}", f"d {self.device}")

    def now(self):
        seconds, micros = self.redis.time()
        return seconds + micros / 1e6

    def key(self):
        """The oldest: it signs, and every instance knows it."""
        keys = wait_for(lambda: self.redis.hgetall("confab:accounts:keys"), "a signing key")
        kid, value = min(keys.items(), key=lambda item: int(item[1].split()[0]))
        return kid, unbase64url(value.split()[1])

    def sign(self, header, claims, key=None):
        text = base64url(compact(header)) + "." + base64url(compact(claims))
        mac = hmac.new(key or self.key()[1], text.encode(), hashlib.sha256).digest()
        return text + "." + base64url(mac)

    def claims(self, life_s=900, **other):
        now = int(self.now())
        return {
            "iss": "confab",
            "sub": self.name,
            "dev": self.device,
            "iat": now,
            "exp": now + life_s,
        } | other

    def header(self, **other):
        return {"alg": "HS256", "typ": "JWT", "kid": self.key()[0]} | other

    def token(self, life_s=900, **claims):
        return self.sign(self.header(), self.claims(life_s, **claims))

    def refresh_token(self, n=0):
        """BLAKE2b of n, little-endian, with the seed as its key."""
        secret = hashlib.blake2b(n.to_bytes(8, "little"), key=self.seed, digest_size=32).digest()
        return f"{self.device}.{n}.{base64url(secret)}"


def forged(token):
    """The same with the first letter of its signature changed."""
    head, _, signature = token.rpartition(".")
    return f"{head}.{'B' if signature[0] == 'A' else 'A'}{signature[1:]}"
