"""Whole sets downloaded by the steered name in every region while a with-block runs (puller.py).

    with Pull(lab) as pull:
        pull.publish(pull.files("two"))
    assert pull["mixed"] == 0
"""
import hashlib
import json
import os
import time

import inet
import origin

HERE = os.path.dirname(os.path.abspath(__file__))
SLOW = "pool/large.iso"


class Pull:
    def __init__(self, lab, name, regions=inet.EYEBALLS, threads=3):
        self.lab, self.name, self.regions, self.threads = lab, name, list(regions), threads
        self.known, self.switched = {}, {}
        self.by_region, self.total, self.said = {}, {}, []

    def files(self, version, changed=0.1, number=30):
        """A set: one file in ten is new in each version, the large one always."""
        files = {"file": f"a file of {version}\n".encode() * 200,
                 SLOW: (version.encode() * 1000)[:1000] * 3500}
        for n in range(number):
            own = version if n % 10 == hash(version) % 10 else "the same in each"
            files[f"pool/{n % 7}/package_{n}.deb"] = f"{n} {own}\n".encode() * (n * 100 + 50)
        return files

    def publish(self, files):
        """Known to the clients before it is current, so that they can judge what they get."""
        text = "".join(f"{name}\t{hashlib.sha256(files[name]).hexdigest()}\n"
                       for name in sorted(files))
        set_id = hashlib.sha256(text.encode()).hexdigest()[:32]
        self.known[set_id] = {name: hashlib.sha256(body).hexdigest()
                              for name, body in files.items()}
        self.lab.write(json.dumps(self.known), "known.json")
        assert origin.publish(self.lab, files) == set_id
        self.switched[set_id] = time.monotonic()
        return set_id

    def __enter__(self):
        self.running = {}
        for region in self.regions:
            self.running[region] = self.lab.net.popen(
                region, "/usr/bin/python3", f"{HERE}/puller.py", "--resolver",
                self.lab.resolver(region), "--sources", inet.EYEBALLS[region]["net4"],
                "--name", self.name, "--known", self.lab.path("known.json"), "--slow", SLOW,
                "--threads", str(self.threads))
        for p in self.running.values():
            p.stdout.readline()
        return self

    def __exit__(self, kind, *_):
        for p in self.running.values():
            p.terminate()
        for region, p in self.running.items():
            out = p.communicate(timeout=60)[0]
            result = json.loads(out) if out.strip() else {"failed": 1, "said": ["no report"]}
            self.by_region[region] = result
            self.said += result.pop("said")
            for key, value in result.items():
                if isinstance(value, int):
                    self.total[key] = self.total.get(key, 0) + value

    def __getitem__(self, key):
        return self.total.get(key, 0)

    def latest(self):
        """Seconds from a switch until every region had a file of the new set, the worst of all
        switches but the first set's."""
        ids = list(self.switched)[1:]
        return max(result["first"].get(i, 1e9) - self.switched[i]
                   for result in self.by_region.values() for i in ids)

    def line(self):
        return (f"{self['files']} files in {self['sets']} whole sets and {self['slow']} slow "
                f"downloads, {self['failed']} failed, {self['mixed']} mixed")
