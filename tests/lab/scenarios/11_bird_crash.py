TITLE = "BIRD is killed (-9)"


def run(lab):
    with lab.load() as load:
        lab.kill("fra", "bird")
        gone = lab.time_until(lambda: not lab.announced("fra"))
    assert load["lookups_failed"] == 0 and load["downloads_failed"] == 0, load.line()
    return f"BFD takes the route away after {gone:.0f} ms; {load.line()}"
