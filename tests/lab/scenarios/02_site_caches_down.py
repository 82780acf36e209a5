TITLE = "all caches of a site are killed"


def run(lab):
    with lab.load() as load:
        lab.kill("fra", "cache1")
        lab.kill("fra", "cache2")
        gone = lab.time_until(lambda: lab.servers("eu") and
                              not lab.servers("eu") & lab.caches("fra"))
        away = lab.time_until(lambda: not lab.announced("fra"))
    assert gone + away < 2000, \
        f"in the answers for {gone:.0f} ms, announced for another {away:.0f} ms"
    assert load["lookups_failed"] == 0 and load["downloads_failed"] == 0, load.line()
    return f"other caches after {gone:.0f} ms, route gone {away:.0f} ms later; {load.line()}"
