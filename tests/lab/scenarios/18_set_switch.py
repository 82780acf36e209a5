import time

from lab import NAME
from pull import Pull

TITLE = "the origin switches its package set, five times, under whole downloads"


def run(lab):
    before = lab.settled_updates()
    pull = Pull(lab, NAME)
    pull.publish(pull.files("set one"))
    time.sleep(1.5)                     # every cache has heard of it
    with lab.load() as load, pull:
        for n in ("two", "three", "four", "five", "six"):
            pull.publish(pull.files(f"set {n}"))
            time.sleep(2.5)
    assert lab.all_updates() == before, "a new set moved a route"
    assert load["lookups_failed"] == 0 and load["downloads_failed"] == 0, load.line()
    assert pull["failed"] == 0 and pull["mixed"] == 0, pull.said
    assert pull["sets"] > 20 and pull["slow"] > 3, pull.line()
    assert pull.latest() < 5, f"a new set seen after {pull.latest():.1f} s"
    return (f"0 BGP updates; {pull.line()}; a new set everywhere after {pull.latest():.1f} s; "
            f"{load.line()}")
