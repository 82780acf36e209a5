import time

TITLE = "the links between the transits are cut: sites cannot see each other"


def run(lab):
    before = {r: lab.servers(r) for r in ("eu", "us", "ap")}
    for a, b in (("t1", "t2"), ("t1", "t3"), ("t2", "t3")):
        lab.net.link_down(a, b)
    time.sleep(4)
    after = {r: lab.servers(r) for r in ("eu", "us", "ap")}
    assert after == before, f"{before} became {after}"
    announced = [s for s in ("fra", "nyc", "sin") if lab.announced(s)]
    assert announced == ["fra", "nyc", "sin"], announced
    return "answers unchanged, every site announces to its own region"
