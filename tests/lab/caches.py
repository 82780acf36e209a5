"""A site's pull-through caches, as deploy/cache ships them."""
import os

import inet
import shipped


def start(lab, site, n):
    a4, a6 = inet.cache_addresses(site, n)
    name = f"cache{n}"
    folder = lab.path(site, name)
    os.makedirs(folder, exist_ok=True)
    lab.write(shipped.text(
        "cache/site.conf", ("192.0.2.10:80", f"{inet.ORIGIN4}:80"),
        ("/var/cache/nearcast", folder), ("max_size=400g min_free=20g", "max_size=200m"),
        ("max_size=4g min_free=10g", "max_size=20m"), ("keys_zone=obj:64m", "keys_zone=obj:2m"),
        ("keys_zone=meta:64m", "keys_zone=meta:2m"), ("127.0.0.1:8089", f"127.0.0.{n}:8089")),
        site, name, "site.conf")
    lab.write(shipped.text("cache/listen.conf", ("listen 80 ", f"listen {a4}:80 "),
                           ("listen [::]:80 ", f"listen [{a6}]:80 ")), site, name, "listen.conf")
    shipped.nginx(lab, site, name, shipped.text(
        "cache/nginx.conf", ("worker_processes auto", "worker_processes 1"),
        ("/run/nearcast-cache/", f"{folder}/"),
        ("error_log stderr warn", "error_log stderr error")), folder=name)
