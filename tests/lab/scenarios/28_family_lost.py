from inet import SITES, neighbor
from routes import SERVICES, Routes, announced
import time

TITLE = "the IPv6 service address goes, at one site, then at all of them"


def lose(lab, site):
    lab.net.ip(site, f"addr del {SERVICES[6]}/128 dev lo")


def run(lab):
    with Routes(lab) as routes, lab.load(downloads=2) as load:
        lose(lab, "fra")
        gone = lab.time_until(lambda: not announced(lab, "fra", 6))
        time.sleep(1)
        others = [announced(lab, s, 6) for s in ("nyc", "sin")]
        for site in ("nyc", "sin"):
            lose(lab, site)
        lab.time_until(lambda: not any(announced(lab, s, 6) for s in SITES))
        for site in SITES:
            lab.net.ip(site, f"addr add {SERVICES[6]}/128 dev lo nodad")
        back = lab.time_until(lambda: all(announced(lab, s, 6) for s in SITES), 25)
    assert others == [True, True], "another site's IPv6 went as well"
    assert not routes.changed([4]), "IPv4 moved:\n" + routes.changed([4])
    assert load["lookups_failed"] == 0 and load["direct_lost"] == 0, load.line()
    assert gone < 1000, f"IPv6 gone only after {gone:.0f} ms"
    return f"IPv6 gone after {gone:.0f} ms, back after {back:.0f} ms, IPv4 never moved; " \
           f"{load.line()}"
