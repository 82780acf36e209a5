"""A release to endpoints of two sites: make-release at the origin, a tracker and the caches at each
site, take-release and nginx at three endpoints behind each, all as deploy/distribute ships them."""
import os
import signal
import subprocess

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
        ("pid /run/nginx.pid", f"pid {lab.path(name, 'nginx.pid')}"),
        ("/var/log/nginx/error.log warn", "stderr error"), ("/srv/nearcast", folder)))
    lab.net.start(name, "take-release", shipped.path("distribute", "take-release"),
                  "--interval", "1", "--seed", "1", DOWNLOAD, folder)


def current(lab, name):
    """The set that an endpoint gives out, "" = none yet."""
    try:
        return os.path.basename(os.readlink(lab.path(name, "srv", "release", "current")))
    except OSError:
        return ""


def publish(lab, tree):
    """make-release with publish-set; the id."""
    p = subprocess.run(
        [shipped.path("distribute", "make-release"), "--download", DOWNLOAD,
         "--tracker", "http://tracker.example.org:6969/announce",
         "--publish", lab.path("origin", "root"), tree, lab.path("origin", "root", "releases")],
        capture_output=True, text=True, timeout=60)
    assert p.returncode == 0, p.stderr
    return origin.current(lab)


def stop(lab):
    for name in ENDPOINTS:              # each says good-bye to its tracker, which takes a while
        lab.net.kill(name, "take-release", signal.SIGTERM)
    for name in ENDPOINTS:
        for role in ("take-release", "nginx"):
            lab.net.stop(name, role)
    for site in RESOLVERS:
        lab.net.stop(site, "tracker")
