"""nginx in front of instances that are replaced while it runs."""

import http.client
import json

from support.deadline import seconds, wait_for
from support.nginx import Nginx


class Proxy(Nginx):
    def __init__(self, servers):
        super().__init__([server.port for server in servers])
        self.url = f"ws://127.0.0.1:{self.port}"

    def wait_sends_to(self, server):
        """nginx leaves out an instance that failed, for fail_timeout; until it is back."""
        wait_for(lambda: self._instance() == server.instance, "nginx knows the instance again", 20)

    def _instance(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=seconds(5))
        try:
            connection.request("GET", "/api/v1/health")
            return json.load(connection.getresponse()).get("instance")
        except ValueError:
            return None  # a page of nginx: nobody answers
        finally:
            connection.close()
