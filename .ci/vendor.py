#!/usr/bin/env python3
"""Fetch the front-end files from npm and write static/vendor/ and static/icons.svg (`make vendor`).

Needs npm. The versions are pinned here; static/vendor/README.md is written from what was fetched.
"""

import hashlib
import re
import subprocess
import tarfile
import tempfile
import textwrap
from pathlib import Path

STATIC = Path(__file__).resolve().parent.parent / "static"
VENDOR = STATIC / "vendor"

# our directory: (npm package, version, licence, {file in the package: our name for it})
PACKAGES = {
    "htmx": ("htmx.org", "4.0.1", "0BSD", {"dist/htmx.min.js": "htmx.min.js"}),
    "tabler": ("@tabler/core", "1.6.1", "MIT", {"dist/css/tabler.min.css": "tabler.min.css"}),
    "relative-time-element": (
        "@github/relative-time-element", "5.3.1", "MIT",
        {"dist/bundle.js": "relative-time-element.js"},
    ),
    "swagger-ui": (
        "swagger-ui-dist", "5.35.0", "Apache-2.0",
        {
            name: name
            for name in (
                "swagger-ui-bundle.js", "swagger-ui-bundle.js.LICENSE.txt", "swagger-ui.css",
                "NOTICE",
            )
        },
    ),
}  # fmt: skip
ICONS = ("@tabler/icons", "3.51.0", "MIT")
ICON_NAMES = [
    "activity", "alert-triangle", "arrow-down", "calendar", "check", "chevron-down",
    "chevron-left", "chevron-right", "clock", "copy", "corner-down-left", "dashboard",
    "device-desktop", "dots", "download", "edit", "external-link", "file-text", "git-branch",
    "help", "home", "info-circle", "key", "keyboard", "list", "login", "logout", "messages",
    "moon", "player-pause", "player-play", "player-stop", "player-track-next", "plus",
    "refresh", "robot", "search", "send", "settings", "snowflake", "square", "sun",
    "terminal-2", "text-wrap", "trash", "world", "x",
]  # fmt: skip

README = """\
# Vendored front-end files

Unchanged from their npm packages, so that no page ever asks another host. `make vendor` (that is
`.ci/vendor.py`, where the versions are pinned) fetches them anew and writes this page; it changes
nothing unless a version was changed.

| file | package | version | licence | sha256 |
|---|---|---|---|---|
{rows}

- One file by hand: `npm pack htmx.org@4.0.1`, unpack, copy `dist/htmx.min.js`; the others likewise:
  `dist/css/tabler.min.css`, `dist/bundle.js` (an ES module: `<script type="module">`), and of
  swagger-ui-dist its bundle, its stylesheet and its NOTICE. `/api/docs` alone loads those; of the
  viewers that were tried it is the one that works under our content security policy.
- `../icons.svg` is our own sprite of outline icons, one `<symbol>` each, the ids as Tabler names
  them:
  {icons}
- Each directory holds the package's LICENSE. @tabler/core ships none: its text is the one in its
  repository, with the years of the stylesheet's header.
"""


class Package:
    """One npm package, downloaded; its files are read from the archive."""

    def __init__(self, package: str, version: str, scratch: Path) -> None:
        pack = ["npm", "pack", "--silent", f"{package}@{version}", "--pack-destination"]
        done = subprocess.run([*pack, str(scratch)], check=True, capture_output=True, text=True)
        self.path = scratch / done.stdout.split()[-1]

    def read(self, name: str) -> bytes | None:
        """The content of a file, or None where the package has none of that name."""
        with tarfile.open(self.path) as archive:
            try:
                return archive.extractfile(f"package/{name}").read()
            except KeyError:
                return None


def sprite(icons: Package) -> str:
    """Make one SVG of all icons; the look is set once on each symbol, so `<use>` needs no CSS."""
    symbols = []
    for name in ICON_NAMES:
        text = icons.read(f"icons/outline/{name}.svg").decode()
        body = re.search(r"<svg[^>]*>(.*)</svg>", text, re.DOTALL)
        shapes = "".join(line.strip() for line in body[1].splitlines())
        symbols.append(
            f'<symbol id="{name}" viewBox="0 0 24 24" fill="none" stroke="currentColor"'
            f' stroke-width="2" stroke-linecap="round" stroke-linejoin="round">{shapes}</symbol>\n'
        )
    return f'<svg xmlns="http://www.w3.org/2000/svg">\n{"".join(symbols)}</svg>\n'


def row(path: Path, package: str, version: str, licence: str) -> str:
    """One line of the README's table."""
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    name = path.relative_to(VENDOR) if path.is_relative_to(VENDOR) else f"../{path.name}"
    return f"| `{name}` | {package} | {version} | {licence} | `{digest}` |"


def write(path: Path, content: bytes | None) -> None:
    """Write one file, if there is something to write, making its directory."""
    if content is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def main() -> None:
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        for directory, (package, version, licence, wanted) in PACKAGES.items():
            files = Package(package, version, Path(scratch))
            write(VENDOR / directory / "LICENSE", files.read("LICENSE"))
            for source, name in wanted.items():
                write(VENDOR / directory / name, files.read(source))
                rows.append(row(VENDOR / directory / name, package, version, licence))
        files = Package(*ICONS[:2], Path(scratch))
        write(VENDOR / "tabler-icons" / "LICENSE", files.read("LICENSE"))
        write(STATIC / "icons.svg", sprite(files).encode())
        rows.append(row(STATIC / "icons.svg", *ICONS))
    icons = textwrap.fill(
        ", ".join(ICON_NAMES) + ".", 96, subsequent_indent="  ", break_on_hyphens=False
    )
    (VENDOR / "README.md").write_text(README.format(rows="\n".join(rows), icons=icons))


if __name__ == "__main__":
    main()
