"""The demo's chapter about what stands around the daemons: caches and a set switch, a release to
six servers, a redirector for other people's mirrors, logs at two places."""
import time

import collectors
import inet
import origin
import redirector
import release
from lab import NAME
from net import wait_for


def say(text=""):
    print(text, flush=True)


def shown(lines):
    for line in lines:
        say("    " + line)


def curl(lab, ns, url, *options):
    """Status line and headers, by lower-case name."""
    out = lab.net.call(ns, "curl", "-s", "-o", "/dev/null", "-D", "-", *options, url).stdout
    lines = out.replace("\r", "").splitlines()
    return (lines or ["no answer"])[0], {
        k.lower(): v.strip() for k, _, v in (line.partition(":") for line in lines[1:]) if v}


def of_cache(lab, address, path="/file"):
    return curl(lab, "eu", f"http://{NAME}{path}", "--interface", "10.1.0.9", "--resolve",
                f"{NAME}:80:{address}")


def show_cache(lab, address, path):
    status, head = of_cache(lab, address, path)
    say(f"    eu$ curl http://{NAME}{path}: {status}  X-Cache: {head.get('x-cache', '-')}  "
        f"X-Set-Id: {head.get('x-set-id', '-')[:8]}...")


def caches(lab, chapter):
    """Filled by whoever asks first; a switch is one rename at the origin."""
    chapter("The caches: nginx that fills itself; a new set of files is one rename at the origin")
    files = {"file": b"the old one\n" * 300, "same": b"in both sets\n" * 300}
    origin.publish(lab, files)
    address = inet.cache_addresses("fra", 1)[0]
    time.sleep(1.2)
    for path in ("/file", "/file", "/same"):
        show_cache(lab, address, path)
    files["file"] = b"the new one\n" * 300
    begin = time.monotonic()
    new = origin.publish(lab, files)
    say(f"    origin$ publish-set tree /srv/origin     # {new}")
    everywhere = [inet.cache_addresses(s, n)[0] for s in inet.SITES for n in (1, 2)]
    wait_for(lambda: all(of_cache(lab, a)[1].get("x-set-id") == new for a in everywhere), 10, 0.02)
    say(f"all six caches give out the new set {time.monotonic() - begin:.1f} s after it was begun;"
        " what is the same in it is still held:")
    for path in ("/file", "/same"):
        show_cache(lab, address, path)


def a_release(lab, chapter):
    chapter("A release of 60 MB to six servers: one copy a site, the rest among neighbours")
    release.start_trackers(lab)
    for endpoint in release.ENDPOINTS:
        release.start_endpoint(lab, endpoint)
    lab.reload(lambda site: release.with_endpoints(lab, site), sites=["fra"])
    tree = release.make_tree(lab, "release", 60_000_000)
    say("origin$ make-release --download http://release.example.org --tracker "
        "http://tracker.example.org:6969/announce \\\n            --publish /srv/origin tree "
        "/srv/origin/releases")
    set_id, seconds, copies = release.take(lab, tree)
    say(f"installed by all six {seconds:.1f} s later; {copies:.2f} copies left the origin; "
        "each was handed out when it held it:")
    wait_for(lambda: [*release.states(lab).values()] == ["up"] * 6, 10)
    shown(f"{e}: {state}, set {release.current(lab, e)[:8]}..."
          for e, state in release.states(lab).items())
    release.stop(lab)
    lab.heal()


def mirrors(lab, chapter):
    chapter("Other people's mirrors: the nearest that has the file, and why")
    known = redirector.start(lab)
    path = [*known][1]
    wait_for(lambda: redirector.ask(lab, "eu", path) in redirector.MIRRORS, 10)
    say("two near Berlin (`corrupt` and `dying`), two near Chicago (`lacking` a third of them, "
        "`stale` in a third)")
    for region in inet.EYEBALLS:
        say(f"    {region}$ curl -I http://mirrors.example.org{path}: to "
            f"{redirector.ask(lab, region, path)}")
    say(f"eu$ curl 'http://mirrors.example.org{path}?mirrorlist'")
    out = lab.net.call("eu", "curl", "-s", "-H", "Accept: text/plain", "--interface",
                       redirector.source("eu"), redirector.url(path) + "?mirrorlist").stdout
    shown(line for line in out.splitlines() if line.strip())

    def named():
        return {redirector.ask(lab, "eu", path, n) for n in range(10, 20)}
    lab.kill("dying", "nginx")
    ms = lab.time_until(lambda: "dying" not in named(), 15)
    say(f"`dying` is killed: nobody is sent there after {ms:.0f} ms; Europe is now sent to "
        f"{' '.join(sorted(named()))}")
    redirector.start_mirror(lab, "dying")
    ms = lab.time_until(lambda: "dying" in named(), 15)
    say(f"it is back: it has its share again after {ms:.0f} ms")
    redirector.stop(lab)


def logs(lab, chapter):
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
        say(f"{name}$ nearctl logcheck /srv/log")
        shown(collectors.check(lab, name, "fra").stdout.splitlines())
    collectors.stop(lab, "fra")


def tell(lab, chapter):
    caches(lab, chapter)
    a_release(lab, chapter)
    mirrors(lab, chapter)
    logs(lab, chapter)
