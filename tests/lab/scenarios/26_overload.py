import os
import signal
import threading
import time

from lab import HERE
from inet import ANYCAST4
from routes import Routes

TITLE = "several times as many questions as dnsd can answer, for six seconds"

RATE = 36000                            # questions a second
RUNS, SHARE = 0.001, 30                 # seconds at a time, of how many times as much


class Slow:
    """dnsd gets a fraction of a core: it runs one millisecond of every thirty."""

    def __init__(self, lab, site):
        self.pid, self.stop = lab.net.processes[site, "dnsd"].pid, threading.Event()
        self.last = signal.SIGCONT
        self.thread = threading.Thread(target=self.work)

    def work(self):
        ran = RUNS
        while not self.stop.is_set():
            os.kill(self.pid, signal.SIGSTOP)
            time.sleep(min(0.08, ran * SHARE))
            begin = time.monotonic()
            os.kill(self.pid, signal.SIGCONT)
            time.sleep(RUNS)
            ran = time.monotonic() - begin      # on a busy machine it may have been longer
        os.kill(self.pid, self.last)

    def end(self, last):
        self.last = last
        self.stop.set()
        self.thread.join()

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.end(self.last)


def answered(lab):
    return lab.counter("fra", "udp_answers")


def held(lab):
    """Six seconds of the flood: the part of it that was answered, and what is said."""
    before = answered(lab)
    with Routes(lab) as routes:
        time.sleep(6)
        said = lab.alarms("fra")
        part = (answered(lab) - before) / (6 * RATE)
    assert part < 0.5, f"no overload: {part:.0%} answered"
    assert part > 0.001, f"no overload but a dead dnsd: {part:.1%} answered"
    assert not routes.changed(), routes.changed()
    assert "overload" in said, said
    return part


def run(lab):
    flood = lab.net.popen("eu", "/usr/bin/python3", f"{HERE}/flood.py", "--target", ANYCAST4,
                          "--sources", "10.1.0.0/16", "--rate", str(RATE), "--seconds", "12",
                          "download.example.org", "A")
    try:
        with Slow(lab, "fra") as slow:
            part = held(lab)
            slow.end(signal.SIGSTOP)    # what really hangs goes, also in a flood
            gone = lab.time_until(lambda: not lab.announced("fra"), 5)
    finally:
        flood.terminate()
        flood.communicate(timeout=30)
    assert gone < 2500, f"hung in the flood, and gone only after {gone:.0f} ms"
    return f"{part:.0%} answered and held; hung meanwhile: gone after {gone:.0f} ms"
