#!/usr/bin/env python3
"""clang-tidy over the project, in parallel, on what has changed only.

usage: clang_tidy.py BUILD_DIR [FILE...]

BUILD_DIR holds compile_commands.json. Without FILE: every source in it.

clang-tidy 14 takes about ten seconds a file, so what passed is remembered: the
key is a hash of the source, of the headers that it includes itself, .clang-tidy,
the command and clang-tidy's version. A header further down that changed has its
own source and its own includers checked, not everything above them. The memory is
kept in $XDG_CACHE_HOME/layergate/clang-tidy and serves every clone: the paths that
the hash sees start at the root of the repository. Exit status 1: there are findings.
"""

from __future__ import annotations

import concurrent.futures
import hashlib
import json
import os
import re
import shlex
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TESTS = ROOT / "tests" / "unit"
TIDY = "clang-tidy-14"
INCLUDE = re.compile(rb'^#include "([^"]+)"', re.MULTILINE)
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "layergate/clang-tidy"
KEPT_DAYS = 30

# What g++ knows and clang 14 does not, or only complains about.
FOREIGN = re.compile(r"^(-ftrivial-auto-var-init=.*|-fcf-protection.*|-W.*|-fno-sanitize.*|-fsanitize.*)$")


def clang_arguments(entry: dict[str, str]) -> list[str]:
    """The compiler's arguments, without its name, input, output and foreign flags."""
    given = shlex.split(entry["command"])
    # ccache may stand in front of the compiler.
    start = next(i for i, word in enumerate(given) if re.search(r"(\+\+|cc|clang)(-\d+)?$", word)
                 and not word.endswith("ccache"))
    words = iter(given[start + 1:])
    kept = []
    for word in words:
        if word in ("-o", "-MF", "-MT"):
            next(words)
        elif word in ("-c", "-MD") or word == entry["file"] or FOREIGN.match(word):
            continue
        else:
            kept.append(word)
    return kept


def key_of(entry: dict[str, str], arguments: list[str], salt: bytes) -> str:
    """Names what clang-tidy would judge."""
    source = Path(entry["file"]).read_bytes()
    digest = hashlib.sha256(salt)
    # "-I/clone" has no slash behind it.
    digest.update(os.fsencode("\0".join(arguments)).replace(os.fsencode(ROOT), b""))
    digest.update(source)
    for name in INCLUDE.findall(source):
        header = ROOT / os.fsdecode(name)
        if header.is_file():
            digest.update(b"\0" + name + b"\0" + header.read_bytes())
    return digest.hexdigest()


def check(entry: dict[str, str], salt: bytes) -> tuple[bool, str]:
    """Whether it passes, and what there is to say."""
    arguments = clang_arguments(entry)
    remembered = CACHE / key_of(entry, arguments, salt)
    if remembered.exists():
        os.utime(remembered)
        return True, "remembered"
    tidy = subprocess.run(
        [TIDY, "--quiet", entry["file"], "--", *arguments],
        cwd=ROOT, capture_output=True, text=True, errors="replace",
    )
    if tidy.returncode != 0:
        return False, tidy.stdout + tidy.stderr
    remembered.touch()
    return True, "checked"


def forget_old() -> None:
    oldest = time.time() - KEPT_DAYS * 86400
    for file in CACHE.iterdir():
        if file.stat().st_mtime < oldest:
            file.unlink(missing_ok=True)


def main() -> int:
    if len(sys.argv) < 2:
        print(__doc__.split("\n\n")[1], file=sys.stderr)
        return 2
    entries = json.loads((Path(sys.argv[1]) / "compile_commands.json").read_text())
    wanted = {str(Path(name).resolve()) for name in sys.argv[2:]}
    if wanted:
        entries = [entry for entry in entries if entry["file"] in wanted]
    CACHE.mkdir(parents=True, exist_ok=True)
    forget_old()
    version = subprocess.run([TIDY, "--version"], check=True, capture_output=True).stdout
    salt = version + (ROOT / ".clang-tidy").read_bytes()
    of_tests = salt + (TESTS / ".clang-tidy").read_bytes()

    bad = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        pending = {pool.submit(check, entry, of_tests if TESTS in Path(entry["file"]).parents else salt): entry["file"]
                   for entry in entries}
        for done in concurrent.futures.as_completed(pending):
            passed, said = done.result()
            name = os.path.relpath(pending[done], ROOT)
            print(f"{name}: {said if passed else 'FINDINGS'}", flush=True)
            if not passed:
                bad += 1
                print(said, flush=True)
    print(f"{len(entries)} files, {bad} with findings")
    return 1 if bad or not entries else 0


if __name__ == "__main__":
    sys.exit(main())
