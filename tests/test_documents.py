"""What documents and comments name is there: paths, modules, links, and what those lead to."""

from __future__ import annotations

import re
import subprocess
import tomllib
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from conftest import ROOT, load

CHECKER = ROOT / "checker/src/drift_checker"
NOT_HERE = {"cluster.yml", "etc/monitors.yml", "benchmarks/trust/results/unfinished"}
"""Files that a user writes, a deployment, or a simulation that was stopped."""
COMMENTED = (".md", ".py", ".yml", ".j2", ".toml", "Makefile", "Dockerfile")
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


@cache
def files() -> dict[str, str]:
    """Text of every file that Git keeps, or would keep; empty where there is none."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    paths = (ROOT / name for name in listed.splitlines())
    return {
        str(path.relative_to(ROOT)): path.read_bytes().decode(errors="ignore")
        for path in paths
        if path.is_file()
    }


@cache
def is_there(path: str) -> bool:
    """Whether a path exists from some folder on; `<name>` and `*` stand for any part."""
    anything = re.sub(r"<[^>]*>|\\\*", "[^/]*", re.escape(path.rstrip("/")))
    return any(re.search(f"(^|/){anything}(/|$)", name) for name in files())


def documents() -> dict[str, str]:
    return {name: text for name, text in files().items() if name.endswith(".md")}


def named_paths(text: str) -> Iterator[str]:
    """What looks like a path: between backticks, or from a folder of the root on."""
    tops = "|".join(sorted({re.escape(name.partition("/")[0]) for name in files()}))
    for word in re.findall(r"`([^`\s]+)`", text):
        if re.fullmatch(rf"[\w<>*./-]+\.(py|md|yml|j2)|({tops})/[\w<>*./-]*", word):
            yield word
    known = rf"(?<![\w/.-])(?:{tops})/[\w/.-]+\.(?:md|py|yml|j2|toml|txt)\b"
    yield from re.findall(known, text)


def test_every_path_is_there() -> None:
    texts = {name: text for name, text in files().items() if name.endswith(COMMENTED)}
    missing = {
        f"{name}: {path}"
        for name, text in texts.items()
        for path in named_paths(text)
        if path not in NOT_HERE and not is_there(path)
    }

    assert not missing


def test_every_module_is_there() -> None:
    sources = {"drift_checker": CHECKER, "benchmarks": ROOT / "benchmarks"}
    missing = {
        f"{name}: {package}.{module}"
        for name, text in documents().items()
        for package, module in re.findall(r"\b(drift_checker|benchmarks)\.([a-z_.]+\w)", text)
        if not any(
            (sources[package] / (module.replace(".", "/") + end)).exists() for end in (".py", "")
        )
    }

    assert not missing


def test_every_target_of_make_is_there() -> None:
    targets = set(re.findall(r"^([a-z-]+):", files()["Makefile"], re.MULTILINE))
    missing = {
        f"{name}: make {target}"
        for name, text in documents().items()
        for words in [
            *re.findall(r"(?:`|^    )make ([a-z -]*[a-z])", text, re.MULTILINE),
            *re.findall(r"^make ([a-z -]*[a-z])", "".join(FENCE.findall(text)), re.MULTILINE),
        ]
        for target in words.split()
        if target not in targets
    }

    assert not missing


def anchors(document: str) -> set[str]:
    """The headings of a document, as GitHub names them."""
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", document), re.MULTILINE)
    names = [re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings]
    assert max(Counter(names).values(), default=0) == 1, "two headings of one name"
    return set(names)


def test_every_link_leads_somewhere() -> None:
    broken = set()
    for name, text in documents().items():
        for link in re.findall(r"\]\(([^)\s]+)\)", FENCE.sub("", text)):
            path, _, anchor = link.partition("#")
            target = (ROOT / name).parent / path if path else ROOT / name
            if "://" in link:
                continue
            if not target.exists() or (anchor and anchor not in anchors(target.read_text())):
                broken.add(f"{name}: {link}")

    assert not broken


def rows(document: str, *header: str) -> list[list[str]]:
    """The rows of the table with this header."""
    start = f"| {' | '.join(header)} |\n"
    table = files()[document].partition(start)[2].partition("\n\n")[0].strip().splitlines()[1:]
    assert table, f"{document} has no table {start}"
    return [[cell.strip() for cell in row.strip("|").split(" | ")] for row in table]


def test_the_checkers_folders_are_named_from_the_top() -> None:
    contracts = tomllib.loads(files()["checker/pyproject.toml"])["tool"]["importlinter"]
    layers = [layer.split(" | ") for layer in contracts["contracts"][0]["layers"]]
    named = [
        row[0].strip("`/ ").removesuffix(".py")
        for row in rows("docs/architecture.md", "folder", "what is in it")
    ]

    assert named == [name for layer in layers for name in layer]


def test_names_are_in_the_modules_that_are_named_with_them() -> None:
    texts = "\n".join(documents().values())
    said = {(name, module) for name, module in re.findall(r"`(\w+)`\s+\(`([\w/]+\.py)`\)", texts)}
    for row in rows("docs/contributing.md", "what happens", "where", "by"):
        modules, names = (re.findall(r"`([^`]+)`", cell) for cell in row[1:])
        # Of several modules, each name is in one.
        said |= {(name, "|".join(modules)) for name in names}

    missing = {
        f"{name} in {modules}"
        for name, modules in said
        if not any(
            re.search(rf"^( *(def|class) )?{name}\b", text, re.MULTILINE)
            or path.endswith(f"/{name}.py")
            for path, text in files().items()
            if re.search(f"(^|/)({modules})$", path)
        )
    }
    assert not missing


def test_every_decision_is_in_the_index() -> None:
    index = {
        re.findall(r"\[(.+)\]\((.+)\)", title)[0]: number
        for number, title, _ in rows(
            "docs/decisions/README.md", "number", "decision", "in one line"
        )
    }
    decisions = {
        (text.partition("\n")[0].partition(". ")[2], Path(name).name): str(int(Path(name).name[:4]))
        for name, text in files().items()
        if re.match(r"docs/decisions/\d", name)
    }

    assert index == decisions


def test_the_page_of_settings_is_current() -> None:
    settings = load("docs/settings.py")

    assert settings.PAGE.read_text("utf-8") == settings.page(), "run make settings-page"


def test_the_readme_takes_a_few_minutes_to_read() -> None:
    assert len(files()["README.md"].split()) <= 900


def test_every_promise_is_held_by_a_test_that_is_there() -> None:
    document = "docs/security.md"
    tests = {
        name
        for path, text in files().items()
        if re.search(r"(^|/)test_\w+\.py$", path)
        for name in re.findall(r"^(?:async )?def (test_\w+)\(", text, re.MULTILINE)
    }
    # A name may be shortened at either end.
    said = re.findall(r"`(…?)(\w+)(…?)`", files()[document])
    patterns = {
        f"{'.*' if begin else ''}{word}{'.*' if end else ''}"
        for begin, word, end in said
        if begin or end or word.startswith("test_")
    }
    missing = {each for each in patterns if not any(re.fullmatch(each, name) for name in tests)}

    assert patterns
    assert not missing
    assert all("`test_" in held for _, held in rows(document, "promise", "held by"))
