"""Checks that the documents speak of what exists.

Every relative link leads to a file. Every path in backticks that begins in a
folder of the repository exists (`<tjeneste>` and `*` match anything). Every
test that is named as `path.rs::name` stands in that file.
"""

import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


def tracked():
    run = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )
    return run.stdout.splitlines()


def faults(page, text, files):
    folders = {"/".join(f.split("/")[:n]) for f in files for n in range(1, f.count("/") + 1)}
    known = set(files) | folders
    tops = {name.split("/")[0] for name in files if "/" in name}

    for link in re.findall(r"\]\(([^)#\s]+)[^)]*\)", text):
        if "://" in link or link.startswith("mailto:"):
            continue
        target = (ROOT / page).parent.joinpath(link).resolve()
        if not target.is_relative_to(ROOT) or str(target.relative_to(ROOT)) not in known | {"."}:
            yield f"{page}: no file behind the link {link}"

    for quoted in re.findall(r"`([^`\n]+)`", text):
        path, _, name = quoted.partition("::")
        path = path.rstrip("/")
        if path.split("/")[0] not in tops or "/" not in path or " " in path:
            continue
        pattern = re.escape(re.sub(r"<[^>]+>", "*", path)).replace(r"\*", "[^/]*")
        hits = [f for f in known if re.fullmatch(pattern, f)]
        if not hits:
            yield f"{page}: no {quoted}"
        elif name and not any(
            re.search(rf"\bfn {re.escape(name)}\b", (ROOT / f).read_text())
            for f in hits
            if (ROOT / f).is_file()
        ):
            yield f"{page}: no test {name} in {path}"


SABOTAGES = [
    "[x](docs/finnes-ikke.md)",
    "`docs/finnes-ikke.md`",
    "`docs/<mappe>/finnes-ikke.md`",
    "`proto/tests/error_reasons.rs::finnes_ikke`",
]


def main():
    files = tracked()
    pages = [name for name in files if name.endswith(".md")]
    found = [f for page in pages for f in faults(page, (ROOT / page).read_text(), files)]
    found += [
        f"the check misses {sabotage}"
        for sabotage in SABOTAGES
        if not list(faults("README.md", sabotage, files))
    ]
    for fault in found:
        print(fault)
    print(f"{len(pages)} documents, {len(SABOTAGES)} sabotages: {len(found)} faults")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
