
from lab import HERE
from inet import ANYCAST4, ANYCAST6
from routes import Routes

TITLE = "a flood forged from the anycast prefixes' other addresses, with rrl"

# what healthd asks, too: an address's share of answers is counted by their kind
QUESTIONS = ("example.org", "SOA", "site.nearcast", "TXT/CH", "download.example.org", "A")


def flood(lab, rate, seconds):
    """200 forged questions a second are nothing for dnsd, but all there is for their prefix."""
    running = [lab.net.popen("eu", "/usr/bin/python3", f"{HERE}/flood.py", "--target", target,
                             "--sources", sources, "--rate", str(rate), "--seconds", str(seconds),
                             *QUESTIONS)
               for target, sources in ((ANYCAST4, "192.0.2.0/24"),
                                       (ANYCAST6, "2001:db8:53::/120"))]
    return sum(int(p.communicate(timeout=30)[0]) for p in running)


def run(lab):
    out = lab.reload(lambda site: lab.nearcast_conf(site) +
                     "rrl { responses-per-second = 20 }\n", ["fra"])["fra"]
    assert out.returncode == 0, out.stdout
    with Routes(lab, ["fra"]) as routes, lab.load(regions=["eu"]) as load:
        sent = flood(lab, 20, 1.5) + flood(lab, 200, 4)
        limited = lab.counter("fra", "drop_rrl") + lab.counter("fra", "slip_rrl")
    assert limited > 300, f"only {limited} answers to {sent} questions were limited"
    assert not routes.changed(), routes.changed()
    assert load["lookups_failed"] == 0, load.line()
    return f"{sent} questions, {limited} answers limited, no route moved; {load.line()}"
