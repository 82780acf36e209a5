TITLE = "a site is drained and comes back"


def run(lab):
    with lab.load() as load:
        out = lab.nearctl("fra", "drain", "fra", "--wait")
        assert out.returncode == 0, out.stderr
        away = lab.time_until(lambda: not lab.announced("fra"), 30)
        assert not lab.servers("eu") & lab.caches("fra")
        out = lab.nearctl("fra", "undrain", "fra")
        assert out.returncode == 0, out.stderr
        back = lab.time_until(lambda: lab.announced("fra"), 30)
    assert load["lookups_failed"] == 0 and load["downloads_failed"] == 0, load.line()
    assert load["direct_lost"] == 0, load.line()
    return f"withdrawn {away:.0f} ms after the drain was over, back after {back:.0f} ms; " \
           f"{load.line()}"
