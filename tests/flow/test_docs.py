"""The documents do what they say.

The word after a fence's language says what happens with a block of README.md or docs/:

    ```sh                        run by bash -eu; all of one document in order, in one sandbox
    ```sh skip: REASON           not run, only its syntax is checked; the reason is required
    ```yaml acl.yml              a whole policy, loaded by `layergate check`
    ```yaml acl.d                a part of one, loaded as a file of acl.d beside the sandbox's policy
    ```yaml layergate.yml        keys of layergate.yml, laid over a minimal one, and loaded
    ```yaml skip: REASON         some other YAML: it has to parse

Renderers show none of it: for them only the first word counts.

The sandbox is a directory with `conf/` (so that `layergate` finds it without being told), with `layergate`
on the PATH and the accounts alice, bob and ci in its policy. Everything outside of it is read-only, and
there is no network and no other process: tests run as root, and a document may well say `rm -rf`.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from harness import htpasswd
from harness.gate import ROOT, merged, program
from harness.process import run

POLICY = """\
version: 1
users:
  alice: {permissions: [admin]}
  bob:   {permissions: [view, pull]}
  ci:    {permissions: [view, pull, push]}
"""
PASSWORDS = {name: f"{name} Passw0rd!" for name in ("alice", "bob", "ci")}
_FENCE = re.compile(r"^( *)```(\S+)[ \t]*(.*)$")


@dataclass(frozen=True)
class Block:
    file: Path
    line: int  # of the fence
    language: str
    note: str  # what follows the language
    text: str

    def __str__(self) -> str:
        return f"{self.file.relative_to(ROOT)}:{self.line}"

    @property
    def skipped(self) -> bool:
        return self.note.startswith("skip")


def blocks(file: Path) -> Iterator[Block]:
    """The fenced blocks with a language; without the indentation that a list gives them."""
    lines = enumerate(file.read_text().splitlines(), 1)
    for number, line in lines:
        match = _FENCE.match(line)
        if match is None:
            continue
        indent, text = len(match[1]), []
        for _, inner in lines:
            if inner.strip() == "```":
                break
            text.append(inner[indent:])
        yield Block(file, number, match[2], match[3].strip(), "\n".join(text) + "\n")


def documents() -> list[Path]:
    named = [ROOT / name for name in ("README.md", "CONTRIBUTING.md")]
    return [file for file in (*named, *sorted((ROOT / "docs").rglob("*.md"))) if file.is_file()]


BLOCKS = [block for file in documents() for block in blocks(file)]
SHELL = [block for block in BLOCKS if block.language in ("sh", "bash", "shell", "console")]
YAML = [block for block in BLOCKS if block.language in ("yaml", "yml")]


@pytest.mark.parametrize("block", SHELL + YAML, ids=str)
def test_a_block_says_what_it_is(block: Block) -> None:
    assert block.language in ("sh", "yaml"), "```sh or ```yaml, so that it is tested"
    if block.skipped:
        assert re.fullmatch(r"skip: \S.{4,}", block.note), "a skip needs its reason: skip: REASON"
    elif block.language == "sh":
        assert block.note == "", f"not known here: {block.note}"
    else:
        assert block.note in ("acl.yml", "acl.d", "layergate.yml"), "what is it? or skip: REASON"


@pytest.mark.parametrize("block", SHELL, ids=str)
def test_the_syntax_of_a_shell_block(block: Block) -> None:
    run("bash", "-n", stdin=block.text.encode())


# What this one says changes the whole machine: its test reads it and runs each command with paths
# and ports of its own.
RUN_ELSEWHERE = {"setup.md": "test_setup.py"}


def to_run() -> list[Path]:
    return sorted({block.file for block in SHELL
                   if not block.skipped and block.file.name not in RUN_ELSEWHERE})


@pytest.mark.parametrize(("document", "test"), RUN_ELSEWHERE.items())
def test_the_other_documents_are_read_by_their_tests(document: str, test: str) -> None:
    assert f"docs/{document}" in (ROOT / "tests" / "flow" / test).read_text()


# Mounts that only this process sees: all of / read-only, but for the directory given.
_ENCLOSE = """\
set -eu
mount --make-rprivate /
mount --bind "$1" "$1"
mount --options remount,bind,ro /
cd "$1/sandbox"
exec bash -eu -o pipefail -c "$2"
"""


@pytest.mark.parametrize("file", to_run(), ids=lambda file: str(file.relative_to(ROOT)))
def test_the_shell_blocks_of_a_document_run(file: Path, tmp_path: Path) -> None:
    tools = tmp_path / "bin"
    tools.mkdir()
    (tools / "layergate").symlink_to(program())
    write_config(tmp_path / "sandbox", POLICY, {})
    environment = {
        "PATH": f"{tools}:{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "TMPDIR": str(tmp_path),
        "LAYERGATE_CONFIG_DIR": "",
    }
    script = "".join(f"# {block}\n{block.text}" for block in BLOCKS
                     if block.file == file and block.language == "sh" and not block.skipped)
    namespaces = ["--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"]
    run("unshare", *namespaces, "bash", "-c", _ENCLOSE, "enclose", tmp_path, script, environment=environment)


def write_config(root: Path, policy: str, settings: dict[str, object]) -> Path:
    """A config dir that is right, but for what is laid over it."""
    config = root / "conf"
    config.mkdir(parents=True)
    ours = {"upstream": {"url": "http://127.0.0.1:5001"}, "state": str(root / "state")}
    (config / "layergate.yml").write_text(yaml.safe_dump(merged(ours, settings)))
    (config / "acl.yml").write_text(policy)
    (config / "htpasswd").write_text(htpasswd.text(PASSWORDS))
    return config


@pytest.mark.parametrize("block", [block for block in YAML if block.note == "acl.yml"], ids=str)
def test_a_policy_of_a_document_loads(block: Block, tmp_path: Path) -> None:
    config = write_config(tmp_path, block.text, {})
    run(program(), "check", "--config-dir", config)


@pytest.mark.parametrize("block", [block for block in YAML if block.note == "acl.d"], ids=str)
def test_a_part_of_a_policy_loads(block: Block, tmp_path: Path) -> None:
    config = write_config(tmp_path, POLICY, {})
    (config / "acl.d").mkdir()
    (config / "acl.d" / "example.yml").write_text(block.text)
    run(program(), "check", "--config-dir", config)


@pytest.mark.parametrize("block", [block for block in YAML if block.note == "layergate.yml"], ids=str)
def test_settings_of_a_document_load(block: Block, tmp_path: Path) -> None:
    config = write_config(tmp_path, POLICY, yaml.safe_load(block.text))
    # Files that the block names are made up.
    run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=registry.test", "-days", "2",
        "-keyout", tmp_path / "server.key", "-out", tmp_path / "server.crt")
    for name in re.findall(r"[\w./-]+\.(?:crt|key|pem)", block.text):
        kind = "server.key" if name.endswith("key") or "key" in Path(name).stem else "server.crt"
        target = config / name
        if not target.is_absolute() or tmp_path in target.parents:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes((tmp_path / kind).read_bytes())
    run(program(), "check", "--config-dir", config)


def test_other_yaml_parses() -> None:
    for block in YAML:
        if block.skipped:
            yaml.safe_load(block.text)


EXAMPLES = sorted(file.parent for file in (ROOT / "conf").rglob("layergate.yml"))


def test_there_are_examples() -> None:
    assert ROOT / "conf" / "example" in EXAMPLES


@pytest.mark.parametrize("directory", EXAMPLES, ids=lambda path: str(path.relative_to(ROOT)))
def test_an_example_is_a_config_dir_as_it_stands(directory: Path, tmp_path: Path) -> None:
    config = tmp_path / "config"
    shutil.copytree(directory, config)
    (config / "htpasswd").touch()
    run(program(), "check", "--config-dir", config)
