"""`make install` and `make uninstall`: everything that deploy/ holds arrives, units are sound, and
what was installed goes away again without a trace."""
import glob
import os
import re
import shutil
import subprocess

import pytest
from conftest import BUILD, ROOT

UNITS = ("service", "timer", "path", "socket")


def make(target, dest, **variables):
    words = [f"{k}={v}" for k, v in {"B": os.path.relpath(BUILD, ROOT), **variables}.items()]
    # `all` is made already: this is about what happens to the files
    p = subprocess.run(["make", "-s", "-o", "all", target, f"DESTDIR={dest}", *words], cwd=ROOT,
                       capture_output=True, text=True, timeout=120)
    return p.returncode, p.stdout + p.stderr


def files(folder):
    return {os.path.relpath(os.path.join(at, f), folder) for at, _, names in os.walk(folder)
            for f in names}


def read(path):
    with open(path, errors="replace") as f:
        return f.read()


def deploy(pattern):
    return [f for f in glob.glob(os.path.join(ROOT, "deploy", "*", pattern))
            if os.path.isfile(f) and not os.path.islink(os.path.dirname(f))]


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """A machine with nearcast below /usr."""
    dest = tmp_path_factory.mktemp("root")
    status, said = make("install", dest, PREFIX="/usr")
    assert status == 0, said
    return str(dest)


def test_everything_arrives(root):
    there = files(root)
    by_name = {os.path.basename(f): f for f in there}
    for page in glob.glob(os.path.join(ROOT, "*", "*.[1-8]")):
        name = os.path.basename(page)
        assert f"usr/share/man/man{name[-1]}/{name}" in there
    for f in deploy("*"):
        name = os.path.basename(f)
        if name.rpartition(".")[2] in UNITS:
            assert f"usr/lib/systemd/system/{name}" in there
        elif name.endswith((".sysusers", ".tmpfiles")):
            kind = name.rpartition(".")[2]
            assert f"usr/lib/{kind}.d/{name[:-9]}.conf" in there
        elif os.access(f, os.X_OK):
            assert by_name.get(name) in (f"usr/bin/{name}", f"usr/lib/nearcast/{name}"), name
        else:
            folder = os.path.basename(os.path.dirname(f))
            assert f"usr/share/nearcast/{folder}/{name}" in there
    assert {"usr/sbin/dnsd", "usr/sbin/healthd", "usr/bin/nearctl",
            "etc/nearcast/nearcast.conf"} <= there


def test_pages_say_where_it_is(root):
    """Whoever types what a page says finds the file, wherever it was installed."""
    for page in glob.glob(os.path.join(root, "usr/share/nearcast/*/README.md")):
        for named in re.findall(r"/usr\S*/nearcast/[\w./-]*\w", read(page)):
            assert os.path.exists(root + named), f"{page}: {named}"


def test_modes(root):
    for f in files(root):
        mode = os.stat(os.path.join(root, f)).st_mode & 0o7777
        runs = f.startswith(("usr/bin/", "usr/sbin/", "usr/lib/nearcast/"))
        assert mode == (0o755 if runs else 0o644), f


def test_what_is_named_is_there(root):
    """A unit, script or page that says /usr/lib/nearcast/X is believed by whoever reads it."""
    ours = re.compile(r"/usr/(?:lib|share)/nearcast/[A-Za-z0-9._/-]*[A-Za-z0-9_-]")
    for f in deploy("*"):
        for path in ours.findall(read(f)):
            assert os.path.exists(root + path), f"{f} names {path}"


def test_paths_follow_the_prefix(tmp_path):
    status, said = make("install", tmp_path, PREFIX="/opt/near")
    assert status == 0, said
    folder = str(tmp_path / "opt" / "near")
    unit = read(f"{folder}/lib/systemd/system/nearcast-dnsd.service")
    assert re.search(r"^ExecStart=/opt/near/sbin/dnsd$", unit, re.M)
    assert re.search(r"^ExecReload=/opt/near/sbin/dnsd -t$", unit, re.M)
    assert re.search(r"^ExecReload=/bin/kill -HUP", unit, re.M)
    for f in files(folder):
        if not f.startswith("sbin/") and f != "bin/nearctl":
            text = read(os.path.join(folder, f))
            assert not re.search(r"/usr/(sbin/(dnsd|healthd)|(lib|share)/nearcast/)\b", text), f


def units():
    return sorted(os.path.basename(f) for kind in UNITS for f in deploy(f"*.{kind}"))


def instance(unit):
    return unit.replace("@.", "@one.")


@pytest.fixture(scope="module")
def machine(root):
    """The same with Debian's own units, and a file for every program of Debian's that ours run."""
    system = os.path.join(root, "usr", "lib", "systemd", "system")
    for kind in ("target", "slice", "mount"):
        for f in glob.glob(f"/usr/lib/systemd/system/*.{kind}"):
            shutil.copy(f, system)
    # of services only the files: what Debian's say does not matter here
    for name in ("nginx", "bird", "rsync"):
        with open(os.path.join(system, name + ".service"), "x") as f:
            f.write("[Service]\nType=oneshot\nExecStart=/bin/true\n")
    for name in ("bin", "sbin", "lib"):
        os.symlink("usr/" + name, os.path.join(root, name))
    shutil.copy("/bin/true", os.path.join(root, "bin", "true"))
    for unit in units():
        for path in re.findall(r"^Exec\w+=[-+!@:]*(/\S+)", read(os.path.join(system, unit)), re.M):
            if not os.path.exists(root + path) and os.path.exists(path):
                os.makedirs(os.path.dirname(root + path), exist_ok=True)
                shutil.copy("/bin/true", root + path)
    return root


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="needs systemd-analyze")
class TestUnits:
    def analyze(self, root, *words):
        p = subprocess.run(["systemd-analyze", "--no-pager", f"--root={root}", *words],
                           capture_output=True, text=True, timeout=60)
        return p.returncode, p.stdout + p.stderr

    def test_verify(self, machine):
        status, said = self.analyze(machine, "verify", "--man=no", *map(instance, units()))
        assert status == 0 and not said.strip(), said

    @pytest.mark.parametrize("unit", [u for u in units() if u.endswith(".service")])
    def test_exposure(self, machine, unit):
        """As little as possible of the machine can be harmed from each: 2.0 of 10 at most."""
        status, said = self.analyze(machine, "security", "--offline=true", "--threshold=20",
                                    instance(unit))
        assert status == 0, said

    def test_manuals_are_there(self, machine):
        for unit in units():
            text = read(os.path.join(machine, "usr", "lib", "systemd", "system", unit))
            assert re.search(r"^Description=\S", text, re.M), unit
            for page, section in re.findall(r"man:([\w.-]+)\((\d)\)", text):
                ours = os.path.exists(
                    os.path.join(machine, f"usr/share/man/man{section}/{page}.{section}"))
                assert ours or page in ("nginx", "rsync", "opentracker", "aria2c"), page


def test_uninstall_leaves_nothing(tmp_path):
    (tmp_path / "usr" / "local" / "bin").mkdir(parents=True)
    (tmp_path / "usr" / "local" / "bin" / "other").write_text("not ours")
    assert make("install", tmp_path)[0] == 0
    (tmp_path / "etc/nearcast/nearcast.conf").write_text('here = "fra"\n')
    # again: what the operator wrote stays
    assert make("install", tmp_path)[0] == 0
    assert (tmp_path / "etc/nearcast/nearcast.conf").read_text() == 'here = "fra"\n'
    assert len(files(tmp_path)) > 10
    status, said = make("uninstall", tmp_path)
    assert status == 0 and "stay" in said
    assert files(tmp_path) == {"etc/nearcast/nearcast.conf",
                               "etc/nearcast/zones/example.org.zone", "usr/local/bin/other"}
    assert sorted(os.listdir(tmp_path / "usr" / "local")) == ["bin"]
    status, said = make("uninstall", tmp_path)
    assert status != 0 and "nothing of nearcast is installed below /usr/local" in said


def test_a_newer_version_removes_what_it_no_longer_has(tmp_path):
    assert make("install", tmp_path)[0] == 0
    old = tmp_path / "usr/local/share/nearcast/gone/old.conf"
    old.parent.mkdir()
    old.write_text("of an older version")
    with open(tmp_path / "usr/local/share/nearcast/installed", "a") as f:
        f.write("/usr/local/share/nearcast/gone/\n/usr/local/share/nearcast/gone/old.conf\n")
    assert make("install", tmp_path)[0] == 0
    assert not old.exists()
    assert make("uninstall", tmp_path)[0] == 0
    assert not (tmp_path / "usr").exists()


def test_every_part_has_its_page():
    """deploy/README.md leads to each part, and each part's README.md says what each file is."""
    index = read(os.path.join(ROOT, "deploy", "README.md"))
    for folder in sorted(glob.glob(os.path.join(ROOT, "deploy", "*", ""))):
        name = os.path.basename(folder[:-1])
        assert f"{name}/" in index, f"deploy/README.md does not name {name}/"
        if os.path.islink(folder[:-1]):
            continue
        pages = [p for p in os.listdir(folder) if p.startswith("README")]
        assert pages, f"deploy/{name} has no README"
        page = read(os.path.join(folder, pages[0]))
        for f in sorted(os.listdir(folder)):
            said = re.sub(r"@?\.(service|timer|path|sysusers|tmpfiles)$", "", f)
            assert f.startswith("README") or said in page, f"{name}/README.md: no word of {f}"


def test_the_readmes_table_of_roles():
    """Every folder, unit and package that README.md names for a role is there."""
    page = read(os.path.join(ROOT, "README.md"))
    table = page[page.index("    role        page in deploy/"):]
    rows = table.partition("\n\n")[0].splitlines()[1:]
    packages = read(os.path.join(ROOT, ".ci", "deps"))
    have = {os.path.basename(f) for f in deploy("nearcast-*")}
    assert len(rows) == 8
    for row in rows:
        for folder in re.findall(r"(\w+)/", row):
            assert os.path.isdir(os.path.join(ROOT, "deploy", folder)), folder
        for name in row[34:66].split():
            assert re.search(rf"\b{re.escape(name)}\b", packages), name
        for unit in re.sub("(, and )?Debian's.*", "", row[66:]).split():
            names = {f"nearcast-{unit}", f"nearcast-{unit}.service"}
            assert names & have, f"nearcast-{unit}"


def test_commented_blocks_of_the_example(tmp_path):
    """What deploy/nearcast.conf shows of logs and mirrors is right without its marks, too."""
    text = read(os.path.join(ROOT, "deploy", "nearcast.conf"))
    begin, end = text.index("#log {"), text.index("# ---- answering")
    block = re.sub(r"^#(?! ----)", "", text[begin:end], flags=re.M)
    path = tmp_path / "nearcast.conf"
    path.write_text(text[:begin] + block + text[end:])
    p = subprocess.run([os.path.join(BUILD, "tests/conf/conf_show"), str(path)],
                       capture_output=True, text=True, timeout=20)
    assert p.returncode == 0 and 'mirror "uib"' in p.stdout, p.stdout + p.stderr
