#!/usr/bin/python3
"""Hits of deploy/cache as shipped, beside a plain static file of the same nginx in the same rounds:

    tests/bench/cache.py [--rounds N] [--seconds S]

One worker on a core of its own, 500 files of 4 KB, 32 kept connections (wrk on the other core).
Rates are per core: requests by the worker's processor time, which holds on a busy machine too.
`pinned` are the same files under /sets/ID/, one lookup less.
"""
import argparse
import os
import re
import statistics
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../system"))
sys.dont_write_bytecode = True
from cache_world import World            # noqa: E402

FILES = 500
SCRIPT = """
request = function()
  local k = math.random(0, %d)
  return wrk.format("GET", os.getenv("UNDER") .. "/pool/p" .. (k %% 20) .. "/f" .. k .. ".deb")
end
""" % (FILES - 1)


def processor_s(pid):
    with open(f"/proc/{pid}/stat") as f:
        return sum(map(int, f.read().rsplit(")", 1)[1].split()[11:13])) / os.sysconf("SC_CLK_TCK")


def rate(pid, port, under, script, seconds):
    """Requests by a second of the worker's processor."""
    before = processor_s(pid)
    out = subprocess.run(["taskset", "-c", "1", "wrk", "-t1", "-c32", f"-d{seconds}", "-s", script,
                          f"http://127.0.0.1:{port}"], env={**os.environ, "UNDER": under},
                         capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in out:
        raise SystemExit("bench: not every answer is a file:\n" + out)
    return int(re.search(r"(\d+) requests in", out)[1]) / (processor_s(pid) - before)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=3)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        script = f"{folder}/wrk.lua"
        with open(script, "w") as f:
            f.write(SCRIPT)
        with World(folder, workers=1) as w:
            files = {f"pool/p{n % 20}/f{n}.deb": os.urandom(4000) for n in range(FILES)}
            ident = w.origin.publish(files)
            for name in files:
                w.get("/" + name)
            hit, plain = w.cache.workers()[0], w.origin.workers()[0]
            for pid in (hit, plain):
                subprocess.run(["taskset", "-p", "-c", "0", str(pid)], capture_output=True)
            kinds = {"hit": (hit, w.cache.port, ""),
                     "pinned": (hit, w.cache.port, f"/sets/{ident}"),
                     "static": (plain, w.origin.port, f"/sets/{ident}")}
            found = {kind: [] for kind in kinds}
            for _ in range(args.rounds):
                for kind, (pid, port, under) in kinds.items():
                    found[kind].append(rate(pid, port, under, script, args.seconds))
    for kind, rates in found.items():
        ratio = statistics.median(a / b for a, b in zip(rates, found["static"]))
        print(f"{kind:8} {statistics.median(rates):8.0f} requests a core and second   "
              f"{ratio:.3f} of static")


if __name__ == "__main__":
    main()
