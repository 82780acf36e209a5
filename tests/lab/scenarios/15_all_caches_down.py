import time

from inet import SITES

TITLE = "the caches of all sites are killed at once"


def run(lab):
    before = lab.updates("fra") + lab.updates("sin")
    for site in SITES:
        for n in (1, 2):
            lab.kill(site, f"cache{n}")
    time.sleep(5)
    assert lab.updates("fra") + lab.updates("sin") == before, "a shared cause moved a route"
    for region in ("eu", "us", "ap"):
        assert len(lab.servers(region)) == 2, f"{region} has no answer"
    return "nothing withdrawn, every region still gets two addresses"
