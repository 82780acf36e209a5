import os
import signal

TITLE = "healthd's prober hangs (SIGSTOP)"


def run(lab):
    before = lab.updates("fra")
    old = lab.prober("fra")
    with lab.load() as load:
        os.kill(old, signal.SIGSTOP)
        again = lab.time_until(lambda: lab.prober("fra") not in (0, old), 20)
    assert lab.updates("fra") == before, "a hung prober moved the route"
    assert load["direct_lost"] == 0 and load["lookups_failed"] == 0 and \
        load["downloads_failed"] == 0, load.line()
    return f"replaced after {again:.0f} ms, 0 BGP updates; {load.line()}"
