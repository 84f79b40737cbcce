"""People who log in beside the load: each login costs the server one hash of a password."""

import http.client
import json
import threading
import time

ACCOUNT = {"name": "somebody", "password": "a password of the load"}
TIMEOUT_S = 20


class Logins:
    """`per_s` logins at a steady rate, for as long as it is used with `with`."""

    def __init__(self, port: int, per_s: int) -> None:
        self.port, self.per_s = port, per_s
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.run)
        self.done, self.failed = 0, ""

    def __enter__(self) -> "Logins":
        status = self.post("/api/v1/users")
        self.failed = "" if status == 201 else f"the account was answered with {status}"
        self.begin = time.monotonic()
        self.thread.start()
        return self

    def __exit__(self, *_) -> None:
        self.ended.set()
        self.thread.join()
        self.took_s = time.monotonic() - self.begin

    def post(self, path: str) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=TIMEOUT_S)
        try:
            headers = {"Content-Type": "application/json"}
            connection.request("POST", path, json.dumps(ACCOUNT), headers)
            return connection.getresponse().status
        finally:
            connection.close()

    def run(self) -> None:
        while not self.failed:
            due = self.begin + self.done / self.per_s
            if self.ended.wait(max(0.0, due - time.monotonic())):
                return
            try:
                status = self.post("/api/v1/login")
            except OSError as error:
                status = error
            if status != 200:
                self.failed = f"a login was answered with {status}"
            self.done += 1

    def judge(self) -> str:
        """What was wrong; empty when all went well."""
        if self.failed:
            return self.failed
        rate = self.done / self.took_s
        return f"only {rate:.1f} logins/s" if rate < 0.95 * self.per_s else ""
