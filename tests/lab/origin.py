"""The origin: publish-set and the nginx that serve its sets, as deploy/origin ships them."""
import os
import shutil
import subprocess

import inet
import shipped


def start(lab):
    root = lab.path("origin", "root")
    shipped.nginx(lab, "origin", "origin", shipped.text(
        "origin/nginx.conf",
        ("worker_processes auto", "worker_processes 1"),
        ("/run/nearcast-origin/", lab.path("origin", "")),
        ("/var/log/nearcast-origin/access-$day.log", lab.path("origin", "access.log")),
        ("/srv/origin", root),
        ("listen 80 ", f"listen {inet.ORIGIN4}:80 "),
        ("listen [::]:80 ", f"listen [{inet.ORIGIN6}]:80 ")))


def write_tree(lab, files):
    """{name: octets} as the directory that is published; its path."""
    tree = lab.path("origin", "tree")
    shutil.rmtree(tree, ignore_errors=True)
    for name, body in files.items():
        path = os.path.join(tree, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as f:
            f.write(body)
    return tree


def command(lab, program, *options, tree=None):
    return [program, *options, tree or lab.path("origin", "tree"), lab.path("origin", "root")]


def publish(lab, files):
    """Makes {name: octets} the current set; its id."""
    return publish_tree(lab, write_tree(lab, files))


def publish_tree(lab, tree, *options):
    """The same of a directory."""
    p = subprocess.run(command(lab, shipped.path("origin", "publish-set"), *options, tree=tree),
                       capture_output=True, text=True, timeout=60)
    assert p.returncode == 0, p.stderr
    return current(lab)


def current(lab):
    return os.path.basename(os.readlink(lab.path("origin", "root", "current")))
