import os
import time

from inet import SITES
from routes import Routes

TITLE = "what protects dnsd, switched on at all sites at once"

RRL, COOKIES, SMALL = "rrl { responses-per-second = 1 }\n", "cookies { require = yes }\n", \
    "amplification { factor = 1; octets-per-second = 10000 }\n"


def switch_on(lab, lines):
    for site, out in lab.reload(lambda site: lab.nearcast_conf(site) + lines).items():
        assert out.returncode == 0, f"{site}: {out.stdout}"
    time.sleep(2)


def cold_start(lab, site):
    """Nothing is remembered of a time before the protections."""
    for role in ("healthd", "dnsd"):
        lab.net.stop(site, role)
    os.unlink(lab.path(site, "run", "posture"))
    lab.net.ip(site, "addr flush dev lo dynamic")
    lab.start_dnsd(site)
    lab.start_healthd(site)
    return lab.time_until(lambda: lab.posture(site) == "serving" and lab.announced(site))


def run(lab):
    with Routes(lab) as routes, lab.load(lookups=50, downloads=2, direct_ms=60000) as load:
        for lines in (RRL, COOKIES, SMALL, RRL + COOKIES + SMALL):
            switch_on(lab, lines)
    assert not routes.changed(), routes.changed()
    assert [lab.posture(s) for s in SITES] == ["serving"] * 3
    assert load["lookups_failed"] == 0, load.line()
    up = cold_start(lab, "sin")
    return f"no route moved; from nothing, with all of them, up in {up:.0f} ms; {load.line()}"
