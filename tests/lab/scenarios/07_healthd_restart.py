import time

TITLE = "healthd is killed and started again at once"


def run(lab):
    before = lab.updates("fra")
    with lab.load() as load:
        lab.kill("fra", "healthd")
        time.sleep(1)
        lab.start_healthd("fra")
        time.sleep(6)
    assert lab.updates("fra") == before, "a restart within the lease moved the route"
    assert load["direct_lost"] == 0 and load["lookups_failed"] == 0 and \
        load["downloads_failed"] == 0, load.line()
    return f"0 BGP updates; {load.line()}"
