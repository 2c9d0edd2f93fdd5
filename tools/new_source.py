"""Start a source: `new_source.py tidewatch` makes its folder with card, README and test."""

from __future__ import annotations

import re
import sys
from pathlib import Path

TEMPLATE = Path(__file__).parent / "source_template"
SOURCES = Path(__file__).parent.parent / "src" / "penstock" / "connectors" / "sources"
NAME = re.compile(r"[a-z][a-z0-9_]{1,39}")


def main() -> int:
    if len(sys.argv) != 2:
        print(__doc__)
        return 2
    name = sys.argv[1]
    if not NAME.fullmatch(name):
        print(f"{name!r} cannot be a folder and a type: use small letters, digits and _.")
        return 2
    folder = SOURCES / name
    if folder.exists():
        print(f"There is a source {name} already.")
        return 2
    make(name, folder)
    print(
        f"Made src/penstock/connectors/sources/{name}. Next:\n"
        f"  make conformance NAME={name}    passes already, on made-up rows\n"
        "  connector.yaml, streams.yaml    say what the API is really like\n"
        "  CONTRIBUTING.md                 has the other steps"
    )
    return 0


def make(name: str, folder: Path) -> None:
    """Copy the template, with the source's own name in place of the template's."""
    title = name.replace("_", " ").title()
    (folder / "tests").mkdir(parents=True)
    (folder / "__init__.py").touch()
    for path in TEMPLATE.iterdir():
        if path.is_file():
            place = folder / "tests" if path.name.startswith("test_") else folder
            text = path.read_text(encoding="utf-8")
            text = text.replace("tidewatch", name).replace("Tidewatch", title)
            target = place / path.name.replace("tidewatch", name)
            target.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
