TITLE = "one cache is killed"


def run(lab):
    with lab.load() as load:
        lab.kill("fra", "cache1")
        gone = lab.time_until(lambda: not lab.servers("eu") & {"198.51.100.10"})
    assert gone < 2000, f"in the answers for {gone:.0f} ms"
    assert load["lookups_failed"] == 0 and load["downloads_failed"] == 0 and \
        load["downloads_again"] == 0, load.line()
    return f"out of the answers after {gone:.0f} ms; {load.line()}"
