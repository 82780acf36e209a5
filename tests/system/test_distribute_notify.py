"""A release that is made by a line of /srv/origin/notify, as the page says it: publish-set does not
wait for it, whatever it takes; and what fails is seen."""
import os
import re
import subprocess
import time

from distribute_world import HERE, NEEDS, PUBLISH, call, fill, shipped
from origin_world import Origin

pytestmark = NEEDS
UNIT = "nearcast-make-release@.service"


def unit_command(o, folder):
    """What the unit runs with the settings that ship, as words of a shell; %i is $i."""
    text = shipped("distribute/" + UNIT)
    line = re.search(r"^ExecStart=((?:.|\\\n)*?)\n(?!\s)", text, re.M)[1].replace("\\\n", " ")
    with open(f"{folder}/make-release.conf", "w") as f:
        f.write(shipped("distribute/make-release.conf"))
    assert "EnvironmentFile=/etc/nearcast/make-release.conf\n" in text
    for name in re.findall(r"^([A-Z]+)=(.*)$", shipped("distribute/make-release.conf"), re.M):
        line = line.replace("${%s}" % name[0], name[1]).replace("$" + name[0], name[1])
    for old, new in (("/usr/bin/make-release", f"{folder}/make-release"),
                     ("/srv/origin", o.root), ("%i", '"$i"')):
        assert old in line
        line = line.replace(old, new)
    return line


def shell(path, text):
    with open(path, "w") as f:
        f.write("#!/bin/sh\n" + text)
    os.chmod(path, 0o755)


def test_a_release_that_takes_longer_than_notify(tmp_path):
    """publish-set is done at once, the release comes later, for this very set; a second set that
    is published meanwhile gets its own."""
    with open(f"{HERE}/README.md") as f:
        line = re.search(r"^    (systemctl start --no-block \S+)$", f.read(), re.M)[1]
    with Origin() as o:
        os.makedirs(tmp_path / "bin")
        # systemctl, as far as it goes here: the unit by its name, without waiting; 75 is repeated
        command = unit_command(o, tmp_path)
        shell(tmp_path / "make-release", f"sleep 3\nexec {HERE}/make-release \"$@\"\n")
        shell(tmp_path / "bin/systemctl", f"""
[ "$1 $2" = "start --no-block" ] || exit 1
i=${{3#nearcast-make-release@}}
[ "$i" != "$3" ] || exit 5
(while {command}; [ $? = 75 ]; do sleep 0.1; done) > {tmp_path}/said.$i 2>&1 &
""")
        path = {**os.environ, "PATH": f"{tmp_path}/bin:{os.environ['PATH']}"}
        o.write("a", b"first")
        o.publish()
        with open(f"{o.root}/notify", "w") as f:
            f.write(line + "\n")
        made = []
        for octets in (b"second", b"third"):
            o.write("a", octets)
            began = time.monotonic()
            p = call(PUBLISH, "--notify-timeout", 2, o.dir, o.root, env=path)
            assert time.monotonic() - began < 2.9 and p.stderr == ""
            made.append(p.stdout.strip())
            assert not os.path.exists(f"{o.root}/releases/{made[-1]}.release")
        until = time.monotonic() + 30
        while not all(os.path.exists(f"{o.root}/releases/{i}.release") for i in made):
            assert time.monotonic() < until, [(tmp_path / f"said.{i}").read_text() for i in made]
            time.sleep(0.1)


def test_a_release_of_a_set_that_has_gone(tmp_path):
    """The unit fails, and is not begun again: that is for 75 alone."""
    text = shipped("distribute/" + UNIT)
    assert "\nRestart=" not in text and "\nRestartForceExitStatus=75\n" in text
    with Origin() as o:
        o.write("a", b"first")
        o.publish()
        os.symlink(f"{HERE}/make-release", tmp_path / "make-release")
        p = subprocess.run(["sh", "-c", unit_command(o, tmp_path)], capture_output=True, text=True,
                           timeout=20, env={**os.environ, "i": "0" * 32})
        assert p.returncode == 66 and "no such file or directory" in p.stderr, p


def test_a_site_that_does_not_hear(tmp_path):
    """make-release --publish: all is made, and the exit says that a line of notify failed."""
    with Origin() as o:
        os.mkdir(o.root)
        with open(f"{o.root}/notify", "w") as f:
            f.write("echo no route >&2; exit 255\n")
        tree = fill(tmp_path / "tree", {"f": 10})
        p = call(f"{HERE}/make-release", "--download", "http://d.example", "--tracker",
                 "http://t.example/announce", "--publish", o.root, tree, f"{o.root}/releases",
                 expect=76)
        assert "exit 255: no route" in p.stderr and os.path.basename(PUBLISH) in p.stderr
        assert o.current() == p.stdout.strip()
        assert os.path.exists(f"{o.root}/releases/{o.current()}.release")
