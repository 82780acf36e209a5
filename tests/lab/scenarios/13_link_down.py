import time

TITLE = "a transit link goes down while it carries the downloads of a region"


def run(lab):
    # without caches of its own the region goes to Frankfurt, by t3 - t1
    for n in (1, 2):
        lab.kill("sin", f"cache{n}")
    lab.time_until(lambda: lab.servers("ap", "10.3.7.0/24") == lab.caches("fra"))
    with lab.load(regions=["ap"], downloads=20) as load:
        before = lab.octets("t3", "t1")
        time.sleep(2)
        carried = lab.octets("t3", "t1") - before
        lab.net.link_down("t1", "t3")
        time.sleep(2)
    assert carried > 100_000, f"the link carried {carried} octets only"
    assert load["lookups_failed"] == 0 and load["downloads_failed"] == 0, load.line()
    return f"it carried {carried // 1024} KB in the two seconds before; {load.line()}"
