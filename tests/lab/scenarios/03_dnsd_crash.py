TITLE = "dnsd is killed"


def run(lab):
    with lab.load() as load:
        lab.kill("fra", "dnsd")
        gone = lab.time_until(lambda: not lab.announced("fra"))
    assert gone < 1000, f"route gone only after {gone:.0f} ms"
    assert load["lookups_failed"] == 0 and load["downloads_failed"] == 0, load.line()
    assert load["longest_gap_ms"] < 1500, load.line()
    return f"route gone after {gone:.0f} ms; {load.line()}"
