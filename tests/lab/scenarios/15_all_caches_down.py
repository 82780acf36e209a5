import time

from inet import SITES

TITLE = "the caches of all sites are killed at once"


def run(lab):
    before = lab.settled_updates()
    for site in SITES:
        for n in (1, 2):
            lab.kill(site, f"cache{n}")
    time.sleep(5)
    after = lab.all_updates()
    assert after == before, f"a shared cause moved a route: {after - before} updates"
    assert all("shared cause" in lab.alarms(site) for site in SITES), "no alarm is raised"
    for region in ("eu", "us", "ap"):
        assert len(lab.servers(region)) == 2, f"{region} has no answer"
    return "nothing withdrawn, every region still gets two addresses"
