import time

TITLE = "the caches of a site flap"


def run(lab):
    before = lab.updates("sin")
    flaps = 6
    for _ in range(flaps):
        for n in (1, 2):
            lab.kill("sin", f"cache{n}")
        time.sleep(1.5)
        for n in (1, 2):
            lab.start_cache("sin", n)
        time.sleep(2.5)
    moved = lab.updates("sin") - before
    assert moved >= 2, "the route never moved: nothing was tested"
    # the hold-down of 1 s doubles with each flap, so that half of them pass; two families, each
    # gone and back (the budget, RFC 7196: five withdrawals, is not reached)
    assert moved <= 2 * 2 * 3, f"{moved} updates for {flaps} flaps"
    return f"{flaps} flaps in {flaps * 4} s: {moved} BGP updates and withdrawals, IPv4 and IPv6 " \
           "together"
