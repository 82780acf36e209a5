import os
import time

import collectors
from lab import BUILD

TITLE = "two collectors of a site's logs, one of them dead for a while"
# a minute by hand, NEARCAST_LONG=1
DEAD = 60 if os.environ.get("NEARCAST_LONG") else 5


def check(lab, name):
    """What logcheck says of a collector."""
    return lab.net.call(name, f"{BUILD}/nearctl", "logcheck",
                        collectors.held(lab, name, "fra"), timeout=60)


def lines(lab, name):
    folder = collectors.held(lab, name, "fra")
    return sum(open(os.path.join(folder, f), "rb").read().count(b"\n")
               for f in os.listdir(folder))


def run(lab):
    for name in collectors.COLLECTORS:
        collectors.start_collector(lab, name, "fra")
    collectors.start_shippers(lab, "fra")
    with lab.load(lookups=100, downloads=5, regions=["eu"]) as load:
        time.sleep(2)
        lab.kill("log1", "rsyncd")
        time.sleep(DEAD)
        behind = lines(lab, "log2") - lines(lab, "log1")
        collectors.start_collector(lab, "log1", "fra")
        time.sleep(1)
    ahead = lines(lab, "log2")          # dnsd never falls silent: healthd asks it all the time
    again = lab.time_until(lambda: lines(lab, "log1") >= ahead, 30)
    for name in collectors.COLLECTORS:
        out = check(lab, name)
        assert out.returncode == 0, f"{name}: {out.stdout}{out.stderr}"
    total = lines(lab, "log1")
    collectors.stop(lab, "fra")
    assert behind > 0, "log1 was not behind"
    return (f"{total} lines at both, 0 gaps; one was dead for {DEAD} s, {behind} lines behind and "
            f"in step again {again:.0f} ms after the load; {load.line()}")
