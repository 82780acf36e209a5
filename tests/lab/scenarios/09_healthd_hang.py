TITLE = "healthd hangs (SIGSTOP, both processes)"


def run(lab):
    with lab.load() as load:
        lab.freeze("fra", "healthd")
        gone = lab.time_until(lambda: not lab.announced("fra"))
    assert gone < 6000, f"route gone only after {gone:.0f} ms"
    assert load["lookups_failed"] == 0 and load["downloads_failed"] == 0, load.line()
    return f"route gone with the lease after {gone:.0f} ms; {load.line()}"
