import re
import time

from routes import Routes

TITLE = "somebody flushes the markers from lo, four times"

FLUSHES = ("-4 addr flush dev lo to 169.254.53.0/24", "addr flush dev lo dynamic",
           "-6 addr flush dev lo to fd53:5300::/32", "-4 addr flush dev lo scope host dynamic")


def run(lab):
    # 0 withdrawals is not to be had: BIRD and healthd hear of it at the same moment
    with lab.load(regions=["ap"], downloads=2) as load, Routes(lab, ["sin"]) as routes:
        for flush in FLUSHES:
            lab.net.ip("sin", flush, check=False)     # it gives up after ten rounds
            time.sleep(1)
        said = lab.alarms("sin")
        with open(lab.path("sin", "run", "posture")) as f:
            kept = f.read()
    away = routes.away("sin")
    assert away < 50, f"{away:.1f} ms without the route: {routes.changed()}"
    assert [now[1] for now in routes.after.values()] == [was[1] for was in routes.before.values()]
    assert "marker" in said, said
    # what neighbours have seen is counted, and nothing is held down for it
    penalty = max(float(p) for p in re.findall(r"penalty=([\d.]+)", kept))
    assert 900 < penalty <= 1000 * len(FLUSHES) and "suppressed=1" not in kept, kept
    assert "meddled=0" not in kept, kept
    assert "put back" in lab.net.log("sin", "healthd"), "nothing is logged"
    assert load["lookups_failed"] == 0 and load["direct_lost"] == 0, load.line()
    return f"never without the route for more than {away:.1f} ms, {routes.withdrawn['sin']} " \
           f"withdrawals for {len(FLUSHES)} flushes; {load.line()}"
