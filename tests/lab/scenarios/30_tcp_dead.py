import time

from routes import Routes, draining

TITLE = "TCP is dead at two sites, UDP answers; one of them wants to drain then"

# the rule for local addresses moves behind one that knows protocols and ports
RULES = ("rule add pref 10 lookup local", "rule del pref 0 lookup local",
         "rule add pref 5 ipproto tcp dport 53 prohibit")
BACK = ("rule add pref 0 lookup local", "rule del pref 10", "rule del pref 5")


def each(lab, rules):
    for rule in rules:
        for family in ("-4", "-6"):
            for site in ("nyc", "sin"):
                lab.net.ip(site, f"{family} {rule}")


def drains(lab, site):
    return [draining(lab, site, f) for f in (4, 6)]


def with_drain(lab):
    return lab.nearcast_conf("sin").replace("announce {", 'announce {\n  on-tcp-down = "drain"', 1)


def run(lab):
    out = lab.reload(lambda site: with_drain(lab), ["sin"])["sin"]
    assert out.returncode == 0, out.stdout
    time.sleep(2.5)                     # TCP is asked every two seconds
    each(lab, RULES)
    try:
        with Routes(lab, ["nyc"]) as routes, lab.load(regions=["us", "ap"], downloads=2) as load:
            drained = lab.time_until(lambda: all(drains(lab, "sin")), 10)
            lab.time_until(lambda: "over TCP" in lab.alarms("nyc"), 10)
            with Routes(lab, ["sin"]) as reloaded:
                lab.reload(lambda site: with_drain(lab), ["sin"])
                time.sleep(3)
        assert not any(drains(lab, "nyc"))
    finally:
        each(lab, BACK)
    back = lab.time_until(lambda: not any(drains(lab, "sin")), 15)
    # nyc's transit takes the drained route for no better one, and knows no other change
    assert not routes.changed(), routes.changed()
    assert not reloaded.changed(), "a reload took the drain back: " + reloaded.changed()
    assert load["lookups_failed"] == 0 and load["direct_lost"] == 0, load.line()
    return f"an alarm at one, the other drains after {drained:.0f} ms, back {back:.0f} ms after " \
           f"TCP; {load.line()}"
