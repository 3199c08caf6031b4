#!/usr/bin/python3
"""Writes a policy of a kind that a large company would have, for `acl check`, `lint` and `diff`.

    bench/large_policy.py --rules 100000 DIR            # DIR/acl.yml and DIR/acl.d/managed.yml
    bench/large_policy.py --rules 100000 --changed few DIR

For N rules there are N/10 accounts in teams of 20 with a group each. Seven rules in ten are
registered images (acl.d/managed.yml): one name and tag for one to three users, half of them of a
team's own repository and half of the one that all share. The others are written by hand: a team's
own names, the shared models of one kind, denies for everyone, and some that stand twice or lie
within another one. The same seed gives the same policy.

--changed alters it as people do: `few` is one grant, one user and one deny more; `group` takes a
user out of a group; `deny` closes every tag of a kind to everybody; `many` takes out every tenth
registered image.
"""

from __future__ import annotations

import argparse
import random
from pathlib import Path

TEAM = 20
SIZES, TYPES = ["7b", "12b", "52b"], ["fp16", "int8", "int4"]


class Company:
    def __init__(self, rules: int, seed: int) -> None:
        self.random = random.Random(seed)
        self.count = rules
        self.users = max(10, rules // 10)
        self.teams = (self.users + TEAM - 1) // TEAM

    def tag(self) -> str:
        some = self.random
        return f"{some.choice(SIZES)}-{some.choice(TYPES)}-v{some.randrange(max(50, self.count // 50))}"

    def member(self, team: int) -> str:
        return f"user{min(self.users - 1, team * TEAM + self.random.randrange(TEAM))}"

    def registered(self) -> tuple[str, list[str]]:
        team = self.random.randrange(self.teams)
        name = "telechat" if self.random.random() < 0.5 else f"team-{team}/chat-{self.random.randrange(20)}"
        who = {self.member(team) for _ in range(self.random.randrange(1, 4))}
        return f"{name}:{self.tag()}", sorted(who)

    def by_hand(self) -> str:
        some = self.random
        team = some.randrange(self.teams)
        own = f"team-{team}/chat-{some.randrange(20)}"
        group = f'"@team-{team}"'
        kind = some.randrange(10)
        if kind < 3:
            who, images, effect = group, f"team-{team}/**:*", "allow: [view, pull, push]"
        elif kind < 5:
            who, images, effect = group, f"{own}:{some.choice(SIZES)}-*", "allow: [view, pull]"
        elif kind < 7:
            images = f"telechat:{some.choice(SIZES)}-{some.choice(['*', 'int4-*', 'fp16-v1*'])}"
            who, effect = group, "allow: [view, pull]"
        elif kind < 8:
            who, images, effect = self.member(team), f"{own}:{self.tag()}", "allow: [pull]"
        elif kind < 9:
            who, images, effect = '"*"', f"{own}:*-fp16-v1", "deny: [push, delete]"
        else:
            who, images, effect = self.member(team), own, "allow: [view, pull, push, delete]"
        more = ", from: [10.0.0.0/8]" if some.random() < 0.05 else ""
        return f'  - {{who: [{who}], images: ["{images}"], {effect}{more}}}\n'


def write(company: Company, directory: Path, changed: str) -> None:
    groups: list[list[str]] = [[] for _ in range(company.teams)]
    for user in range(company.users):
        groups[user // TEAM].append(f"user{user}")
        if company.random.random() < 0.3:
            groups[company.random.randrange(company.teams)].append(f"user{user}")
    if changed == "group":
        groups[0].pop()
    permissions = ["[view, pull]", "[view, pull, push]", "[view, pull, push, delete]", "[view]"]
    (directory / "acl.d").mkdir(parents=True, exist_ok=True)
    with (directory / "acl.yml").open("w") as out:
        out.write("version: 1\nusers:\n")
        for user in range(company.users):
            chosen = company.random.choice(permissions)
            out.write(f"  user{user}: {{permissions: {chosen}}}\n")
        out.write("  root: {permissions: [admin]}\n")
        if changed == "few":
            out.write("  newcomer: {permissions: [view, pull]}\n")
        out.write("groups:\n")
        for team, members in enumerate(groups):
            out.write(f"  team-{team}: [{', '.join(dict.fromkeys(members))}]\n")
        out.write("rules:\n")
        out.write('  - {who: ["*"], images: ["**:*-retired"], deny: [view, pull, push, delete]}\n')
        out.write('  - {who: ["*"], images: ["base/**"], allow: [view, pull]}\n')
        if changed == "few":
            out.write('  - {who: [newcomer], images: ["telechat:7b-int4-*"], allow: [pull]}\n')
            out.write('  - {who: ["*"], images: ["team-0/**:*-fp16-v2"], deny: [push]}\n')
        if changed == "deny":
            out.write('  - {who: ["*"], images: ["**:*-int8-*"], deny: [pull]}\n')
        by_hand = company.count * 3 // 10
        for number in range(by_hand):
            line = company.by_hand()
            out.write(line)
            if number % 50 == 0:
                out.write(line)
        out.write('tests:\n  - {user: root, action: pull, image: "telechat:1", expect: allow}\n')
    with (directory / "acl.d" / "managed.yml").open("w") as out:
        out.write("rules:\n")
        for number in range(company.count - by_hand - by_hand // 50):
            image, who = company.registered()
            if changed == "many" and number % 10 == 0 and number > 0:
                continue
            out.write(
                f"  - name: {image} as registered\n    who: [{', '.join(who)}]\n"
                f'    images: ["{image}"]\n    allow: [view, pull, push, delete]\n'
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("directory", type=Path)
    parser.add_argument("--rules", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--changed", choices=["few", "group", "deny", "many"], default="")
    arguments = parser.parse_args()
    company = Company(arguments.rules, arguments.seed)
    write(company, arguments.directory, arguments.changed)


if __name__ == "__main__":
    main()
