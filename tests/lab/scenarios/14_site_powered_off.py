TITLE = "a whole site loses power"


def run(lab):
    with lab.load() as load:
        lab.power_off("fra")
        away = lab.time_until(lambda: not lab.announced("fra"))
        gone = lab.time_until(lambda: lab.servers("eu") and
                              not lab.servers("eu") & lab.caches("fra"))
    assert load["lookups_failed"] == 0 and load["downloads_failed"] == 0, load.line()
    return f"route gone after {away:.0f} ms, its caches out of the answers {gone:.0f} ms later; " \
           f"{load.line()}"
