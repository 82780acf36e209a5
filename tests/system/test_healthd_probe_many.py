"""Thousands of HTTP targets, each with an address of its own: cost, latency, nobody down for
nothing."""
import os
import resource
import shutil
import subprocess
import sys
import threading
import time

import pytest

from probe_world import OK, Http
from test_healthd_probe_site import NGINX, Nginx, cpu_s

EVERYWHERE = NGINX.replace("listen 127.0.0.1:", "listen 0.0.0.0:")

pytestmark = [
    pytest.mark.alone,
    pytest.mark.skipif(not (shutil.which("nginx") or os.path.exists("/usr/sbin/nginx")),
                       reason="no nginx"),
    pytest.mark.skipif(resource.getrlimit(resource.RLIMIT_NOFILE)[1] < 16000,
                       reason="too few files allowed")]


@pytest.fixture
def nginx(tmp_path):
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    server = Nginx(str(tmp_path), EVERYWHERE)
    yield server
    server.stop()


@pytest.fixture
def load():
    """Starts busy processes; they are gone at the end."""
    busy = []

    def start(n):
        busy.extend(subprocess.Popen([sys.executable, "-c", "while True: pass"])
                    for _ in range(n))
    yield start
    for p in busy:
        p.kill()
        p.wait()


def many(world, nginx, n, timeout, more=None):
    servers = {f"s{i}": ("fra" if i % 3 else "nyc",
                         f"127.1.{i // 250}.{i % 250 + 1}@{nginx.port}") for i in range(n)}
    servers.update(more or {})
    w = world(servers, check='kind = "http"  url = "http://www.example.org/healthz"  '
              f'interval = "1s"  timeout = "{timeout}"  rise = 2  fall = 2', start=False)
    w.daemon.start(ready=rf"probing {len(servers)} targets", seconds=60)
    w.until(lambda: os.path.exists(w.health_path), "a health file", 60)
    time.sleep(2)
    return w


def downs(w):
    return [line for line in w.log().splitlines() if ": down, was" in line]


def used(w, seconds):
    pid = w.prober_pid()
    began, cpu = time.monotonic(), cpu_s(pid)
    time.sleep(seconds)
    return (cpu_s(pid) - cpu) / (time.monotonic() - began)


class Timed(Http):
    """Answers after `delay` seconds and notes how long it really took."""

    def __init__(self, delay):
        self.took = []
        super().__init__(self.timed)
        self.wait_s = delay

    def timed(self, request):
        began = time.monotonic()
        time.sleep(self.wait_s)
        self.took.append(time.monotonic() - began)
        return OK


def test_five_thousand_addresses(world, nginx, capsys):
    """CPU grows no more than linearly, and what is reported is what it took."""
    slow = Timed(0.1)
    w = many(world, nginx, 5000, "300ms", {"slow": ("fra", slow.where)})
    share = used(w, 5)
    before = len(slow.took)
    off = []
    while len(slow.took) < before + 4:
        n = len(slow.took)
        w.until(lambda: len(slow.took) > n, "another check")
        time.sleep(0.2)
        check = [s for s in w.status()["servers"] if s["name"] == "slow"][0]["checks"][0]
        off.append(check["latency_ms"] - slow.took[-1] * 1000)
    with capsys.disabled():
        print(f"\n5000 addresses at 1 s: {share * 100:.0f} % of a core, latency off by "
              + ", ".join(f"{o:.1f}" for o in off) + " ms")
    assert not downs(w), downs(w)[:3]
    assert share < 0.6
    # where others take the processors, the test's own server is late, too: what is reported wrong
    # is wrong each time
    assert os.getloadavg()[0] > os.cpu_count() or min(off) < 5


def test_nobody_is_down_on_a_busy_machine(world, nginx, load, capsys):
    """Five busy processes beside it: late answers are our own lateness."""
    w = many(world, nginx, 5000, "300ms")
    load(5)
    share = used(w, 8)
    with capsys.disabled():
        print(f"\n5000 addresses at load 5: {share * 100:.0f} % of a core, "
              f"{len(downs(w))} called down")
    assert not downs(w), downs(w)[:3]
