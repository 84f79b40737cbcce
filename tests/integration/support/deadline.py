"""Deadlines. CONFAB_SLOW=1 (sanitizers, busy machines) gives everything four times as long."""

import os
import time

FACTOR = 4 if os.environ.get("CONFAB_SLOW") else 1


def seconds(n):
    return n * FACTOR


def wait_for(question, what, timeout=10):
    """Asks until the answer is true and returns it; for things that send no event."""
    end = time.monotonic() + seconds(timeout)
    while True:
        answer = question()
        if answer:
            return answer
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds(timeout)} s: {what}")
        time.sleep(0.01)
