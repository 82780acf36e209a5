import release

TITLE = "a release to six endpoints at two sites, each handed out once it holds it"


def run(lab):
    release.start_trackers(lab)
    for endpoint in release.ENDPOINTS:
        release.start_endpoint(lab, endpoint)
    lab.reload(lambda site: release.with_endpoints(lab, site), sites=["fra"])
    tree = release.make_tree(lab, "release-1", 40_000_000)
    set_id, seconds, copies = release.take(lab, tree)
    assert copies < 2.3, f"{copies:.2f} copies left the origin"
    for endpoint in release.ENDPOINTS:
        held = lab.path(endpoint, "srv", "release", "sets", set_id)
        assert lab.net.call(endpoint, "diff", "-r", tree, held).returncode == 0, endpoint
    given = lab.time_until(lambda: [*release.states(lab).values()] == ["up"] * 6, 10)
    release.stop(lab)
    return (f"40 MB in 202 files installed six times after {seconds:.1f} s, {copies:.2f} copies "
            f"left the origin; none handed out before, all {given:.0f} ms after the last had it")
