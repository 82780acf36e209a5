import os
import time

import collectors

TITLE = "two collectors of a site's logs, one of them dead for a while"
# a minute by hand, NEARCAST_LONG=1
DEAD = 60 if os.environ.get("NEARCAST_LONG") else 5


def run(lab):
    for name in collectors.COLLECTORS:
        collectors.start_collector(lab, name, "fra")
    collectors.start_shippers(lab, "fra")
    with lab.load(lookups=100, downloads=5, regions=["eu"]) as load:
        time.sleep(2)
        lab.kill("log1", "rsyncd")
        time.sleep(DEAD)
        behind = collectors.lines(lab, "log2", "fra") - collectors.lines(lab, "log1", "fra")
        collectors.start_collector(lab, "log1", "fra")
        time.sleep(1)
    # dnsd never falls silent, healthd asks it all the time
    ahead = collectors.lines(lab, "log2", "fra")
    again = lab.time_until(lambda: collectors.lines(lab, "log1", "fra") >= ahead, 30)
    for name in collectors.COLLECTORS:
        out = collectors.check(lab, name, "fra")
        assert out.returncode == 0, f"{name}: {out.stdout}{out.stderr}"
    total = collectors.lines(lab, "log1", "fra")
    collectors.stop(lab, "fra")
    assert behind > 0, "log1 was not behind"
    return (f"{total} lines at both, 0 gaps; one was dead for {DEAD} s, {behind} lines behind and "
            f"in step again {again:.0f} ms after the load; {load.line()}")
