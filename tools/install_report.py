"""Packages and megabytes of the base install, in a fresh environment made from base.lock."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent
MOST_PACKAGES, MOST_MB = 45, 120
BESIDE = ("pyarrow", "duckdb")
# Run inside the fresh environment: MB (10**6 bytes on disk) of every distribution but pip's own.
_SIZES = """
import importlib.metadata, json
found = {}
for dist in importlib.metadata.distributions():
    if dist.name in ("pip", "setuptools"):
        continue
    paths = [dist.locate_file(file) for file in dist.files or ()]
    found[dist.name] = sum(path.stat().st_size for path in paths if path.is_file()) / 1e6
print(json.dumps(found))
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, help="write the figures here too")
    options = parser.parse_args()
    sizes, seconds = measure()
    beside = {name: sizes[name] for name in BESIDE}
    rest = sum(sizes.values()) - sum(beside.values())
    for name, size in sorted(sizes.items(), key=lambda item: -item[1])[:12]:
        print(f"{size:8.1f} MB  {name}")
    print(f"{rest:8.1f} MB  beside {' and '.join(BESIDE)} (at most {MOST_MB})")
    print(f"{sum(sizes.values()):8.1f} MB  in all, {len(sizes)} packages (at most {MOST_PACKAGES})")
    print(f"{seconds:8.1f} s   to install with pip")
    if options.json:
        figures = {"packages": len(sizes), "mb": sum(sizes.values()), "mb_beside": rest}
        options.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    return 0 if len(sizes) <= MOST_PACKAGES and rest <= MOST_MB else 1


def measure() -> tuple[dict[str, float], float]:
    """MB by distribution, Penstock's own wheel included, and the seconds that pip took."""
    with tempfile.TemporaryDirectory(prefix="penstock-install-") as folder:
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        python = Path(folder) / "bin" / "python"
        pip = [python, "-m", "pip", "install", "-qq", "--disable-pip-version-check"]
        wheel = _wheel(Path(folder))
        began = time.monotonic()
        subprocess.run(
            [*pip, "--require-hashes", "-r", ROOT / "requirements" / "base.lock"], check=True
        )
        subprocess.run([*pip, "--no-deps", wheel], check=True)
        seconds = time.monotonic() - began
        done = subprocess.run([python, "-c", _SIZES], capture_output=True, text=True, check=True)
    sizes: dict[str, float] = json.loads(done.stdout)
    return sizes, seconds


def _wheel(folder: Path) -> Path:
    """Penstock as it would be published."""
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder / "wheel"],
        cwd=ROOT, check=True, capture_output=True,
    )  # fmt: skip
    return next((folder / "wheel").glob("*.whl"))


if __name__ == "__main__":
    sys.exit(main())
