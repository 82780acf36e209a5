import os
import signal
import time

from inet import SITES

TITLE = "every probe fails through a broken check"


def run(lab):
    before = lab.settled_updates()
    for site in SITES:          # the check now asks for what no cache has
        text = lab.nearcast_conf(site).replace("/healthz", "/nowhere")
        lab.write(text, site, "nearcast.conf")
        lab.net.stop(site, "healthd", signal.SIGTERM)
        lab.start_healthd(site)
    time.sleep(6)
    same = lab.all_updates() == before
    alarmed = all("shared cause" in lab.alarms(site) for site in SITES)
    answers = [len(lab.servers(region)) for region in ("eu", "us", "ap")]
    for site in SITES:
        lab.write(lab.nearcast_conf(site), site, "nearcast.conf")
        lab.net.stop(site, "healthd", signal.SIGTERM)
        lab.start_healthd(site)
    assert same, "a broken check moved a route"
    assert alarmed, "no alarm is raised"
    assert answers == [2, 2, 2], answers
    return "nothing withdrawn, every region still gets two addresses"
