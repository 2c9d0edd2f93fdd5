"""Where things lie in the staging area."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

KEYS = "keys"


def safe_name(name: str) -> str:
    """A folder name for any text: readable, unique, at most 80 characters."""
    readable = re.sub(r"[^A-Za-z0-9_.-]", "_", name)[:60]
    if readable == name and not name.startswith("."):
        return name
    return f"{readable}-{hashlib.sha256(name.encode()).hexdigest()[:12]}"


def split_folder(staging: Path, split: str) -> Path:
    return staging / safe_name(split)


def pass_folder(staging: Path, split: str, stream: str, pass_id: str) -> Path:
    """Key files of a complete read whose packages were delivered already."""
    return split_folder(staging, split) / KEYS / safe_name(stream) / safe_name(pass_id)
