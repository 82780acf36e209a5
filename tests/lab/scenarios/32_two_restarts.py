import time

TITLE = "dnsd dies twice and is back in 0.8 s"


def run(lab):
    with lab.load(regions=["us"], downloads=2) as load:
        for _ in range(2):
            lab.kill("nyc", "dnsd")
            time.sleep(0.8)
            lab.start_dnsd("nyc")
            back = lab.time_until(lambda: lab.posture("nyc") == "serving" and lab.announced("nyc"))
    assert load["lookups_failed"] == 0, load.line()
    return f"announced again {back:.0f} ms after the second start; {load.line()}"
