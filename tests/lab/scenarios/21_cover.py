import time

from inet import SITES

TITLE = "all three sites withdraw: the covering prefix catches everything"


def run(lab):
    with lab.load(downloads=0) as load:
        for site in SITES:
            out = lab.nearctl(site, "force-down", site)
            assert out.returncode == 0, out.stderr
        lab.time_until(lambda: not any(lab.announced(s) for s in SITES), 20)
        time.sleep(2)
        for region in ("eu", "us", "ap"):
            assert lab.servers(region), f"{region} has no answer"
    assert load["lookups_failed"] == 0, load.line()
    return load.line()
