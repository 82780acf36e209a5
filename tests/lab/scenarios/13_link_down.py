TITLE = "a transit link goes down"


def run(lab):
    with lab.load() as load:
        lab.net.link_down("t1", "t3")
    assert load["lookups_failed"] == 0 and load["downloads_failed"] == 0, load.line()
    return load.line()
