import time

TITLE = "the origin switches its package set, five times"


def run(lab):
    before = lab.settled_updates()
    with lab.load() as load:
        for n in range(2, 7):
            lab.new_set(f"set-{n}")
            time.sleep(2.5)
    assert lab.all_updates() == before, "a new set moved a route"
    assert load["lookups_failed"] == 0 and load["downloads_failed"] == 0, load.line()
    return f"0 BGP updates; {load.line()}"
