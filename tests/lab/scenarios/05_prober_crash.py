import os
import signal
import time

TITLE = "healthd's prober is killed"


def run(lab):
    before = lab.updates("fra")
    old = lab.prober("fra")
    with lab.load() as load:
        os.kill(old, signal.SIGKILL)
        again = lab.time_until(lambda: lab.prober("fra") not in (0, old))
        time.sleep(3)
    assert lab.updates("fra") == before, "a dead prober moved the route"
    assert load["direct_lost"] == 0 and load["lookups_failed"] == 0 and \
        load["downloads_failed"] == 0, load.line()
    return f"restarted after {again:.0f} ms, 0 BGP updates; {load.line()}"
