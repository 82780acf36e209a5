"""The demo's chapter about what stands around the daemons: caches and a set switch, a release to
six servers, a redirector for other people's mirrors, logs at two places."""
import time

import collectors
import demo_print
import hosts
import inet
import origin
import redirector
import release
from demo_print import chapter, say, show, shown
from lab import NAME
from net import wait_for


def of_cache(lab, address, path):
    """The command line of a client in Europe that asks one cache."""
    return lab.net.argv("eu", ["curl", "-s", "-o", "/dev/null", "-D", "-", "--interface",
                               "10.1.0.9", "--resolve", f"{NAME}:80:{address}",
                               f"http://{NAME}{path}"])


def has_set(lab, address, set_id):
    return f"X-Set-Id: {set_id}" in demo_print.quietly(*of_cache(lab, address, "/same"))


def caches(lab):
    """Filled by whoever asks first; a switch is one rename at the origin."""
    chapter("The caches: nginx that fills itself; a new set of files is one rename at the origin")
    files = {"file": b"the old one\n" * 300, "same": b"in both sets\n" * 300}
    origin.publish(lab, files)
    address = inet.cache_addresses("fra", 1)[0]
    time.sleep(1.2)
    for path in ("/file", "/file", "/same"):
        show(*of_cache(lab, address, path), only="HTTP|X-Cache|X-Set-Id")
    origin.write_tree(lab, {**files, "file": b"the new one\n" * 300})
    begin = time.monotonic()
    show(*origin.command(lab, demo_print.shipped("origin", "publish-set")))
    new = origin.current(lab)
    everywhere = [inet.cache_addresses(s, n)[0] for s in inet.SITES for n in (1, 2)]
    wait_for(lambda: all(has_set(lab, a, new) for a in everywhere), 10, 0.02)
    say(f"all six caches give out the new set {time.monotonic() - begin:.1f} s after it was begun;"
        " what is the same in it is still held:")
    for path in ("/file", "/same"):
        show(*of_cache(lab, address, path), only="HTTP|X-Cache|X-Set-Id")


def a_release(lab):
    chapter("A release of 60 MB to six servers: one copy a site, the rest among neighbours")
    release.start_trackers(lab)
    for endpoint in release.ENDPOINTS:
        release.start_endpoint(lab, endpoint)
    lab.reload(lambda site: release.with_endpoints(lab, site), sites=["fra"])
    tree = release.make_tree(lab, "release", 60_000_000)
    say("$ " + shown(release.command(lab, demo_print.shipped("distribute", "make-release"), tree)))
    _, seconds, copies = release.take(lab, tree)
    say(f"installed by all six {seconds:.1f} s later; {copies:.2f} copies left the origin; "
        "each was handed out when it held it:")
    wait_for(lambda: [*release.states(lab).values()] == ["up"] * 6, 10)
    for e, state in release.states(lab).items():
        say(f"    {e}: {state}, set {release.current(lab, e)[:8]}...")


def mirrors(lab):
    chapter("Other people's mirrors: the nearest that has the file, and why")
    known = redirector.start(lab)
    path = [*known][1]
    wait_for(lambda: redirector.ask(lab, "eu", path) in redirector.MIRRORS, 10)
    say("two near Berlin (`corrupt` and `dying`), two near Chicago (`lacking` a third of them, "
        "`stale` in a third)")
    say("they are " + ", ".join(f"{m} {hosts.address(m)}" for m in redirector.MIRRORS))
    for region in inet.EYEBALLS:
        show(*lab.net.argv(region, ["curl", "-sI", "--interface", redirector.source(region),
                                    redirector.url(path)]), only="HTTP|Location")
    show(*lab.net.argv("eu", ["curl", "-s", "-H", "Accept: text/plain", "--interface",
                              redirector.source("eu"), redirector.url(path) + "?mirrorlist"]))

    def named():
        return {redirector.ask(lab, "eu", path, n) for n in range(10, 20)}
    lab.kill("dying", "nginx")
    ms = lab.time_until(lambda: "dying" not in named(), 15)
    say(f"`dying` is killed: nobody is sent there after {ms:.0f} ms; Europe is now sent to "
        f"{' '.join(sorted(named()))}")
    redirector.start_mirror(lab, "dying")
    ms = lab.time_until(lambda: "dying" in named(), 15)
    say(f"it is back: it has its share again after {ms:.0f} ms")


def logs(lab):
    chapter("Logs at two collectors, one of which dies for three seconds")
    for name in collectors.COLLECTORS:
        collectors.start_collector(lab, name, "fra")
    collectors.start_shippers(lab, "fra")
    with lab.load(lookups=100, downloads=5, regions=["eu"]):
        lab.kill("log1", "rsyncd")
        time.sleep(3)
        say(f"lines at log1: {collectors.lines(lab, 'log1', 'fra')}, at log2: "
            f"{collectors.lines(lab, 'log2', 'fra')}")
        collectors.start_collector(lab, "log1", "fra")
    ahead = collectors.lines(lab, "log2", "fra")
    wait_for(lambda: collectors.lines(lab, "log1", "fra") >= ahead, 20)
    for name in collectors.COLLECTORS:
        show(*lab.net.argv(name, [demo_print.program("nearctl"), "logcheck",
                                  collectors.held(lab, name, "fra")]))


def tell(lab):
    caches(lab)
    a_release(lab)
    mirrors(lab)
    logs(lab)
