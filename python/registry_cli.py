#!/usr/bin/env python3
"""The older system's registry_cli.py: its verbs are the layergate program's, to which it hands over.

    python3 registry_cli.py user add alice --permissions view,pull

The program is $LAYERGATE_BIN, the one on the PATH, or what this checkout has built.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import Optional

ROOT = Path(__file__).resolve().parent.parent


def find_program() -> Optional[str]:
    given = os.environ.get("LAYERGATE_BIN")
    if given:
        return given
    on_path = shutil.which("layergate")
    if on_path:
        return on_path
    built = (ROOT / "build" / preset / "cli" / "layergate" for preset in ("release", "ci", "dev"))
    return next((str(file) for file in built if os.access(file, os.X_OK)), None)


def main() -> int:
    program = find_program()
    if program is None:
        print("error: no layergate program: build it with ./setup_registry.sh, or name it in $LAYERGATE_BIN",
              file=sys.stderr)
        return 4
    try:
        os.execv(program, [program, *sys.argv[1:]])
    except OSError as error:
        print(f"error: cannot run {program}: {error.strerror}", file=sys.stderr)
        return 4


if __name__ == "__main__":
    sys.exit(main())
