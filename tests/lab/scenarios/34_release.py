import os
import time

import inet
import release

TITLE = "a release to six endpoints at two sites, each handed out once it holds it"


def make_tree(lab, folder, octets):
    """One large file and many small ones."""
    tree = lab.path("origin", folder)
    os.makedirs(f"{tree}/pool")
    for n in range(200):
        with open(f"{tree}/pool/small_{n}.deb", "wb") as f:
            f.write(os.urandom(2000 + 10 * n))
    for name, n in (("image.iso", octets), ("file", 4000)):
        with open(f"{tree}/{name}", "wb") as f:
            f.write(os.urandom(n))
    return tree


def size(tree):
    return sum(os.path.getsize(os.path.join(at, f)) for at, _, names in os.walk(tree)
               for f in names)


def with_endpoints(lab, site):
    """The site's configuration, and the endpoints as a pool whose check is the current set."""
    servers = "".join(
        f'  server "{e}" {{ site = "{release.site_of(e)}" address = {{ '
        f'"{release.hosts.address(e)}" }} }}\n' for e in release.ENDPOINTS)
    return lab.nearcast_conf(site) + \
        f'check "release" {{ kind = "content" url = "http://release.example.org/healthz" ' \
        f'method = "GET" interval = "500ms" timeout = "400ms" rise = 1 fall = 1 ' \
        f'origin = "http://{inet.ORIGIN4}/_setid" }}\n' \
        f'pool "endpoints" {{ check = "release"\n{servers}}}\n'


def states(lab):
    """{endpoint: up, stale, down...} as fra's healthd sees them."""
    with open(lab.path("fra", "run", "health")) as f:
        words = [line.split() for line in f if line.startswith("server ")]
    return {w[1]: w[2] for w in words if w[1] in release.ENDPOINTS}


def take(lab, tree):
    """The release, and what it took: seconds, and copies that left the origin."""
    before, begin = lab.octets("origin", "t1"), time.monotonic()
    set_id = release.publish(lab, tree)
    early = set()
    deadline = time.monotonic() + 30
    while not all(release.current(lab, e) == set_id for e in release.ENDPOINTS):
        assert time.monotonic() < deadline, \
            {e: lab.net.log(e, "take-release")[-300:] for e in release.ENDPOINTS
             if release.current(lab, e) != set_id}
        given = {e for e, state in states(lab).items() if state == "up"}
        early |= {e for e in given if release.current(lab, e) != set_id}
        time.sleep(0.05)
    assert not early, f"handed out before they held it: {early}"
    return set_id, time.monotonic() - begin, (lab.octets("origin", "t1") - before) / size(tree)


def run(lab):
    release.start_trackers(lab)
    for endpoint in release.ENDPOINTS:
        release.start_endpoint(lab, endpoint)
    lab.reload(lambda site: with_endpoints(lab, site), sites=["fra"])
    tree = make_tree(lab, "release-1", 40_000_000)
    set_id, seconds, copies = take(lab, tree)
    assert copies < 2.3, f"{copies:.2f} copies left the origin"
    for endpoint in release.ENDPOINTS:
        held = lab.path(endpoint, "srv", "release", "sets", set_id)
        assert lab.net.call(endpoint, "diff", "-r", tree, held).returncode == 0, endpoint
    given = lab.time_until(lambda: [*states(lab).values()] == ["up"] * 6, 10)
    release.stop(lab)
    return (f"40 MB in 202 files installed six times after {seconds:.1f} s, {copies:.2f} copies "
            f"left the origin; none handed out before, all {given:.0f} ms after the last had it")
