TITLE = "healthd is killed for good"


def run(lab):
    with lab.load() as load:
        lab.kill("fra", "healthd")
        gone = lab.time_until(lambda: not lab.announced("fra"))
    assert gone < 6000, f"route gone only after {gone:.0f} ms"
    assert load["direct_lost"] == 0 and load["lookups_failed"] == 0 and \
        load["downloads_failed"] == 0, load.line()
    return f"route gone with the lease after {gone:.0f} ms; {load.line()}"
