"""A prober that hangs: what is published stays valid, and the check it hangs in is put aside.

The hang is a connect(2) of ours, preloaded, that takes six seconds to one port.
"""
import os
import signal
import subprocess
import time

from probe_world import Server, World

SLOW = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <unistd.h>
int connect(int fd, const struct sockaddr *sa, socklen_t len)
{
	static int (*real)(int, const struct sockaddr *, socklen_t);
	const char *port = getenv("SLOW_PORT");
	if (real == NULL)
		*(void **)&real = dlsym(RTLD_NEXT, "connect");
	if (port != NULL && sa->sa_family == AF_INET && access(getenv("SLOW_FILE"), F_OK) == 0 &&
	    ntohs(((const struct sockaddr_in *)sa)->sin_port) == atoi(port))
		sleep(6);
	return real(fd, sa, len);
}
"""
CHECK = 'kind = "tcp"  interval = "300ms"  timeout = "200ms"  rise = 2  fall = 2'


def current(w):
    return time.time() - float(w.head()["stamp"]) <= int(w.head()["lease"]) / 1e3


def test_hanging_check_is_put_aside(tmp_path):
    (tmp_path / "slow.c").write_text(SLOW)
    library = str(tmp_path / "slow.so")
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, str(tmp_path / "slow.c"), "-ldl"],
                   check=True)
    good, bad = Server(lambda c: None), Server(lambda c: None)
    flag = tmp_path / "hang"
    w = World(tmp_path, {"good": ("fra", good.where), "bad": ("fra", bad.where)}, check=CHECK)
    w.daemon.env = {"LD_PRELOAD": library, "SLOW_PORT": str(bad.port), "SLOW_FILE": str(flag)}
    w.start()
    try:
        w.wait("good", "up")
        w.wait("bad", "up")
        time.sleep(1.5)
        flag.touch()
        end, worst = time.monotonic() + 10, 0
        while time.monotonic() < end:
            assert current(w), w.head()
            assert w.health()["good"]["state"] == w.health()["bad"]["state"] == "up"
            worst = max(worst, time.time() - float(w.head()["stamp"]))
            time.sleep(0.02)
        assert worst > 3
        aside = [a["text"] for a in w.status()["alarms"] if "put aside" in a["text"]]
        assert aside and "bad" in aside[0], w.status()["alarms"]
        assert w.log().count("error: prober silent for") == 2, w.log()[-3000:]
        bad_check = next(s for s in w.status()["servers"] if s["name"] == "bad")["checks"][0]
        assert bad_check["result"] == "internal" and "put aside" in bad_check["detail"]
        count = good.count
        time.sleep(1)
        assert good.count > count
        good.close()
        w.wait("good", "down", 5)		# who cannot be checked is no witness for others
        flag.unlink()
        good.back()
        w.wait("good", "up")
        count = bad.count
        w.daemon.signal(signal.SIGHUP)
        w.until(lambda: bad.count > count, "a reload tries it again")
        w.until(lambda: not any("put aside" in a["text"] for a in w.status()["alarms"]), "no alarm")
    finally:
        w.stop()


def test_killed_asleep_nothing_is_put_aside(tmp_path):
    server = Server(lambda c: None)
    w = World(tmp_path, {"a1": ("fra", server.where)}, check=CHECK)
    w.start()
    try:
        w.wait("a1", "up")
        for n in range(3):
            pid = w.prober_pid()
            os.kill(pid, signal.SIGSTOP)
            w.until(lambda: w.log().count("error: prober silent for") > n, "it is killed", 6)
            w.until(lambda: w.log().count("probing 1 target ") > n + 1, "another")
            assert current(w) and w.health()["a1"]["state"] == "up"
        assert not any("put aside" in a["text"] for a in w.status()["alarms"])
    finally:
        w.stop()
