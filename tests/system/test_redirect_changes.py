"""Mirrors, their health, what they hold and the catalogue change all the time under load on
connections kept alive: not one request fails, and none goes where nobody may go.

NEARCAST_LONG=1: 1,000 changes instead of 60.
"""
import os
import random
import re
import subprocess
import threading
import time

from redirect_world import World

CHANGES = 1000 if os.environ.get("NEARCAST_LONG") else 60
FILES = {f"pool/f{n}.deb": b"x" * 100 for n in range(20)}
LUA = """
function request() return wrk.format("GET", "/pool/f" .. math.random(0, 19) .. ".deb") end
function response(status, headers)
  if status ~= 302 and status ~= 200 then bad = (bad or 0) + 1 end
end
"""


def mirrors(names):
    return "".join(f'mirror "{n}" {{\n\turl = "http://{n}.example/"\n'
                   f"\tlocation = {{ 60, {k} }}\n}}\n" for k, n in enumerate(names))


def change(w, k, rng):
    """One of all that may change: most are health and what mirrors hold, as in life."""
    if k % 10 == 0:
        w.write(mirrors=mirrors(["a", "b", "c", "d"][:2 + rng.randrange(3)]))
        assert w.ctl("reload").returncode == 0
    elif k % 10 == 5:
        w.add(f"pool/new{k}.deb", b"y" * 100)
        w.catalogue()
    elif k % 2:
        w.health(**{n: rng.choice(["up", "down", "incomplete"]) for n in "abcd"})
        time.sleep(0.03)
    else:
        w.hold(rng.choice("abcd"), rng.sample(sorted(FILES), 10))
        time.sleep(0.03)


def test_changes_under_load_fail_no_request(tmp_path):
    rng = random.Random(7)
    with World(tmp_path, FILES, mirrors("abcd"), held={n: "all" for n in "abcd"}) as w:
        script = w.path("load.lua")
        with open(script, "w") as f:
            f.write(LUA)
        load = subprocess.Popen(
            ["wrk", "-t1", "-c16", "-d600s", "-s", script, f"http://127.0.0.1:{w.front.port}"],
            stdout=subprocess.PIPE, text=True)
        stopped = []
        watch = threading.Thread(target=lambda: stopped.append(load.communicate()[0]))
        watch.start()
        try:
            for k in range(CHANGES):
                change(w, k, rng)
        finally:
            load.send_signal(2)
            watch.join()
        out = stopped[0]
        print(out)
        assert "Socket errors" not in out and "Non-2xx" not in out, out
        assert int(re.search(r"(\d+) requests in", out)[1]) > 1000
        # nginx itself was never left alone: redirectd answered every request
        assert "upstream" not in w.front.errors(), w.front.errors()[-1000:]
