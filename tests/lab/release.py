"""A release to endpoints of two sites: make-release at the origin, a tracker and the caches at each
site, take-release and nginx at three endpoints behind each, all as deploy/distribute ships them."""
import os
import signal
import subprocess
import time

import hosts
import inet
import origin
import shipped

ENDPOINTS = [name for name in hosts.HOSTS if "-e" in name]
# whose resolver without Client Subnet brings them to their own site
RESOLVERS = {"fra": "eu", "sin": "ap"}
# the caches by a name with one address an answer, or each of a site's would fetch a copy
DOWNLOAD = "http://release.example.org"


def site_of(endpoint):
    return endpoint.partition("-")[0]


def start_trackers(lab):
    for site in RESOLVERS:
        folder = lab.path(site, "tracker")
        os.makedirs(folder, exist_ok=True)
        conf = lab.write(shipped.text("distribute/opentracker.conf",
                                      ("/var/lib/nearcast-tracker", folder)),
                         site, "opentracker.conf")
        lab.net.start(site, "tracker", shipped.path("distribute", "run-tracker"),
                      "--interval", "1", f"http://{inet.cache_addresses(site, 1)[0]}", conf)


def start_endpoint(lab, name):
    hosts.add(lab, name)
    lab.net.resolver(name, lab.resolver(RESOLVERS[site_of(name)], ecs=False))
    folder = lab.path(name, "srv")
    os.makedirs(folder, exist_ok=True)
    shipped.nginx(lab, name, "nginx", shipped.text(
        "distribute/endpoint.conf", ("worker_processes auto", "worker_processes 1"),
        ("/run/nearcast-endpoint/", f"{lab.path(name)}/"), ("/srv/nearcast", folder)))
    lab.net.start(name, "take-release", shipped.path("distribute", "take-release"),
                  "--interval", "1", "--seed", "1", DOWNLOAD, folder)


def current(lab, name):
    """The set that an endpoint gives out, "" = none yet."""
    try:
        return os.path.basename(os.readlink(lab.path(name, "srv", "release", "current")))
    except OSError:
        return ""


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
        f'  server "{e}" {{ site = "{site_of(e)}" address = {{ '
        f'"{hosts.address(e)}" }} }}\n' for e in ENDPOINTS)
    return lab.nearcast_conf(site) + \
        f'check "release" {{ kind = "content" url = "http://release.example.org/healthz" ' \
        f'method = "GET" interval = "500ms" timeout = "400ms" rise = 1 fall = 1 ' \
        f'origin = "http://{inet.ORIGIN4}/_setid" }}\n' \
        f'pool "endpoints" {{ check = "release"\n{servers}}}\n'


def states(lab):
    """{endpoint: up, stale, down...} as fra's healthd sees them."""
    with open(lab.path("fra", "run", "health")) as f:
        words = [line.split() for line in f if line.startswith("server ")]
    return {w[1]: w[2] for w in words if w[1] in ENDPOINTS}


def command(lab, program, tree):
    """make-release with publish-set, of a directory."""
    return [program, "--download", DOWNLOAD,
            "--tracker", "http://tracker.example.org:6969/announce",
            "--publish", lab.path("origin", "root"), tree, lab.path("origin", "root", "releases")]


def publish(lab, tree):
    """Makes the directory the current release; its id."""
    p = subprocess.run(command(lab, shipped.path("distribute", "make-release"), tree),
                       capture_output=True, text=True, timeout=60)
    assert p.returncode == 0, p.stderr
    return origin.current(lab)


def take(lab, tree):
    """The release, and what it took: seconds, and copies that left the origin."""
    before, begin = lab.octets("origin", "t1"), time.monotonic()
    set_id = publish(lab, tree)
    early = set()
    deadline = time.monotonic() + 30
    while not all(current(lab, e) == set_id for e in ENDPOINTS):
        assert time.monotonic() < deadline, \
            {e: lab.net.log(e, "take-release")[-300:] for e in ENDPOINTS
             if current(lab, e) != set_id}
        given = {e for e, state in states(lab).items() if state == "up"}
        early |= {e for e in given if current(lab, e) != set_id}
        time.sleep(0.05)
    assert not early, f"handed out before they held it: {early}"
    return set_id, time.monotonic() - begin, (lab.octets("origin", "t1") - before) / size(tree)


def stop(lab):
    for name in ENDPOINTS:              # each says good-bye to its tracker, which takes a while
        lab.net.kill(name, "take-release", signal.SIGTERM)
    for name in ENDPOINTS:
        for role in ("take-release", "nginx"):
            lab.net.stop(name, role)
    for site in RESOLVERS:
        lab.net.stop(site, "tracker")
