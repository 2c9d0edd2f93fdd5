"""Facts about this machine, without names."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path

import psutil

from servers import program

_PACKAGES = ("penstock", "duckdb", "pyarrow", "numpy", "psycopg", "psycopg2-binary", "pymysql")


def facts() -> dict[str, str]:
    """What figures depend on."""
    return {
        "processor": _processor(),
        "cores": str(os.cpu_count()),
        "memory": f"{psutil.virtual_memory().total / 2**30:.0f} GiB",
        "load before": f"{os.getloadavg()[2]:.1f} (15 minutes)",
        "system": f"{platform.system()} {platform.release().partition('-')[0]}",
        "python": platform.python_version(),
        "postgresql": _said("postgres"),
        "mariadb": _said("mariadbd"),
        **{name: version(name) for name in _PACKAGES},
    }


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _said(name: str) -> str:
    words = subprocess.run([program(name), "--version"], capture_output=True, text=True, check=True)
    return next(word for word in words.stdout.split() if word[0].isdigit())
