import time

from inet import SITES
from routes import Routes

TITLE = "a drained site is switched off, and the other sites' healthd restarted"


def others_give(lab):
    """The caches of fra that clients of Europe are still given by anybody."""
    return lab.servers("eu") & lab.caches("fra")


def run(lab):
    with lab.load(downloads=2) as load, Routes(lab, ["nyc", "sin"]) as routes:
        out = lab.nearctl("fra", "drain", "fra", "--wait")
        assert out.returncode == 0, out.stderr
        lab.time_until(lambda: not lab.announced("fra"), 30)
        assert not others_give(lab)
        lab.net.stop("fra", "dnsd")
        lab.net.stop("fra", "healthd")
        for site in ("nyc", "sin"):
            lab.net.stop(site, "healthd")
            lab.start_healthd(site)
        end, seen = time.monotonic() + 3, set()
        while time.monotonic() < end:
            seen |= others_give(lab)
            time.sleep(0.1)
        assert not seen, f"the drain was forgotten: {seen}"
        lab.start_dnsd("fra")
        lab.start_healthd("fra")
        time.sleep(2)
        assert not others_give(lab), "a start took the drain back"
        assert not lab.announced("fra"), "a start announced a drained site"
        out = lab.nearctl("fra", "undrain", "fra")
        assert out.returncode == 0, out.stderr
        back = lab.time_until(lambda: lab.announced("fra") and others_give(lab), 30)
    assert not routes.changed(), routes.changed()
    assert load["lookups_failed"] == 0 and load["direct_lost"] == 0, load.line()
    return f"the drain outlived both, back after {back:.0f} ms; {load.line()}"
