import time
import random

TITLE = "a resolver's cache never holds an answer for a client with another answer"


def run(lab):
    time.sleep(6)                       # what resolvers hold of the time before runs out (5 s)
    random.seed(1)
    resolver, asked, wrong = lab.resolver("eu"), 0, []
    prefixes = [f"10.{random.choice((1, 2, 3, 77))}.{random.randrange(256)}.0/24"
                for _ in range(120)]
    for prefix in prefixes + prefixes:
        cached = set(lab.dig("eu", "+short", f"+subnet={prefix}", server=resolver).split())
        fresh = lab.servers("eu", prefix)
        asked += 1
        if cached != fresh:
            wrong.append((prefix, cached, fresh))
    assert not wrong, wrong[:3]
    return f"{asked} answers for {len(set(prefixes))} subnets, all as if asked directly"
