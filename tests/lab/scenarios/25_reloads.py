import signal
import time

from inet import ANYCAST4, SITES, site_unicast
from routes import Routes

TITLE = "reloads that go wrong, at all sites at once"


def broken_first_zone(lab, site):
    """dnsd takes the rest or nothing; the old zone is served all the same."""
    return f'zone "aaa.example" {{ file = "{lab.path("broken.zone")}" }}\n' + \
        lab.nearcast_conf(site)


def in_announce(text, *options):
    return text.replace("announce {", "announce {\n" + "\n".join(options), 1)


# name: the text that a roll-out brings to every site, and whether a reload may take it
ROLL_OUTS = {
    "a broken new first zone": (broken_first_zone, None),
    "a question that is NXDOMAIN": (lambda lab, s: in_announce(
        lab.nearcast_conf(s), 'question = "nosuch.example.org A"'), None),
    "a question of nobody's zone": (lambda lab, s: in_announce(
        lab.nearcast_conf(s), 'question = "nosuch.example A"'), None),
    "a question without data": (lambda lab, s: in_announce(
        lab.nearcast_conf(s), 'question = "ns.example.org MX"'), None),
    "a listen address more": (lambda lab, s: lab.nearcast_conf(s).replace(
        "listen = {", 'listen = { "127.0.0.1",'), True),
    "a listen address less": (lambda lab, s: lab.nearcast_conf(s).replace(
        f', "{site_unicast(s)[1]}"', ""), True),
    "a listen address that is not here": (lambda lab, s: lab.nearcast_conf(s).replace(
        "listen = {", 'listen = { "192.0.2.99",'), None),
    "only a listen address that is not here": (lambda lab, s: lab.nearcast_conf(s).replace(
        f'listen = {{ "{ANYCAST4}",', 'listen = { "192.0.2.99",'), False),
    "a prefix without an address": (lambda lab, s: lab.nearcast_conf(s).replace(
        'prefix = { "192.0.2.0/24"', 'prefix = { "192.0.3.0/24"'), False),
    "a mistake": (lambda lab, s: lab.nearcast_conf(s) + 'listne = "192.0.2.53"\n', False),
    "an end too early": (lambda lab, s: lab.nearcast_conf(s)[:-40], False),
    "renamed servers": (lambda lab, s: lab.nearcast_conf(s).replace('server "', 'server "new-'),
                        None),
    "a check that cannot run": (lambda lab, s: lab.nearcast_conf(s).replace(
        'kind = "content"', 'kind = "command" command = { "/nonexistent" }'), None),
    "a check without a chance": (lambda lab, s: lab.nearcast_conf(s).replace(
        "/healthz", "/nowhere"), None),
}


def roll_out(lab, name):
    text_of, takes = ROLL_OUTS[name]
    replies = lab.reload(lambda site: text_of(lab, site))
    for site, out in replies.items():
        assert takes is None or (out.returncode == 0) == takes, f"{name}, {site}: {out.stdout}"
        assert out.returncode == 0 or ":" in out.stdout, f"{name}, {site}: nothing is said"
        assert takes is not False or "healthd reads" not in out.stdout, \
            f"{name}, {site}: dnsd refused, healthd did not: {out.stdout}"
    time.sleep(0.8)
    return {site: out.returncode for site, out in replies.items()}


def healthd_first(lab):
    """healthd reads of a new first zone a while before dnsd does."""
    for site in SITES:
        lab.configure(site, f'zone "aaa.example" {{ file = "{lab.path("good.zone")}" }}\n' +
                      lab.nearcast_conf(site))
        lab.net.kill(site, "healthd", signal.SIGHUP)
    time.sleep(1.5)
    for site in SITES:
        lab.net.kill(site, "dnsd", signal.SIGHUP)
    time.sleep(1)


def run(lab):
    lab.write("$TTL 60\n@ SOA this is no zone\n", "broken.zone")
    lab.write("$TTL 60\n@ IN SOA ns hostmaster 1 7200 900 1209600 60\n IN NS ns\n"
              "ns IN A 192.0.2.53\n", "good.zone")
    refused, began = 0, []
    with Routes(lab) as routes, lab.load(lookups=50, downloads=2) as load:
        for name in ROLL_OUTS:
            began.append(f"{time.strftime('%T')} {name}")
            refused += any(roll_out(lab, name).values())
            assert lab.servers("eu"), f"{name}: no answer"
        began.append(f"{time.strftime('%T')} healthd before dnsd")
        healthd_first(lab)
    assert not routes.changed(), "\n".join([routes.changed(), *began])
    assert load["lookups_failed"] == 0 and load["direct_lost"] == 0, load.line()
    return f"{len(ROLL_OUTS) + 1} of them, {refused} refused, no route moved; {load.line()}"
