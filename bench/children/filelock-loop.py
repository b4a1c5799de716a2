"""The same loop as loop.mjs, over Python's filelock: prints the time stamps of all turns as JSON."""

import json
import sys
import time

from filelock import FileLock

path, hold, pause, seconds = sys.argv[1], *map(float, sys.argv[2:5])
lock = FileLock(path)
turns = []
end = time.monotonic() + seconds
while time.monotonic() < end:
    asked = time.monotonic_ns()
    with lock:
        granted = time.monotonic_ns()
        time.sleep(hold / 1000)
        released = time.monotonic_ns()
    turns.append([asked, asked, granted, released])
    time.sleep(pause / 1000)
json.dump(turns, sys.stdout)
