import time

from inet import SITES, site_unicast
from routes import Routes

TITLE = "IPv6 beyond a site's own network is broken, IPv4 is fine"


def answers(lab, region):
    """What fra itself would give to clients of a region, as IPv6 addresses."""
    u4 = site_unicast("fra")[0]
    subnet = {"eu": "10.1.7.0/24", "us": "10.2.7.0/24", "ap": "10.3.7.0/24"}[region]
    return set(lab.dig("eu", "+short", f"+subnet={subnet}", server=u4, qtype="AAAA").split())


def run(lab):
    before = {r: answers(lab, r) for r in ("eu", "us", "ap")}
    with Routes(lab) as routes:
        lab.net.ip("fra", "-6 route replace unreachable default metric 1")
        time.sleep(3)
        after = {r: answers(lab, r) for r in before}
        lab.net.ip("fra", "-6 route del unreachable default metric 1")
    assert not routes.changed(), routes.changed()
    assert after == before, f"{before} became {after}"
    return "no IPv6 answer changed, no route moved"
