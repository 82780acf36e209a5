TITLE = "healthd hangs and dnsd dies"


def run(lab):
    with lab.load() as load:
        lab.freeze("fra", "healthd")
        lab.kill("fra", "dnsd")
        gone = lab.time_until(lambda: not lab.announced("fra"))
    assert gone < 6000, f"route gone only after {gone:.0f} ms"
    assert load["longest_gap_ms"] < 6500, load.line()
    return f"route gone with the lease after {gone:.0f} ms; {load.line()}"
