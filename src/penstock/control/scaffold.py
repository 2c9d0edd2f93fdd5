"""Making a workspace from a template."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from penstock.control.file import FILE_NAME
from penstock.control.problems import nearest
from penstock.core.errors import ConfigError

_TEMPLATES = Path(__file__).parent / "templates"
DEFAULT = "empty"
DEMO = "demo"
_IGNORED = (".env", ".penstock/", "*.duckdb", "*.duckdb.wal")


def names() -> list[str]:
    """Templates on offer: not the default one, nor the demo's."""
    found = [path.name for path in _TEMPLATES.iterdir() if (path / FILE_NAME).is_file()]
    return sorted(name for name in found if name not in (DEFAULT, DEMO))


def make(folder: Path, template: str = DEFAULT, *, env: str | None = None) -> list[Path]:
    """Write a workspace; returns the files written. What is there already stays, or stops it.

    Args:
        env: text of `.env` instead of the template's.
    """
    source = _TEMPLATES / template
    if not (source / FILE_NAME).is_file():
        raise ConfigError(
            f"There is no template called {template!r}.",
            hint=nearest(template, names()).strip() or None,
            code="config.unknown_template",
        )
    with writing(folder):
        return _make(folder, source, env)


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """What the system refuses in a workspace's folder is the user's to change."""
    try:
        yield
    except OSError as error:
        raise ConfigError(
            f"No workspace can be made in {folder}: {error.strerror}.",
            hint="Choose a folder in which you may write.",
            code="config.folder",
        ) from error


def _make(folder: Path, source: Path, env: str | None) -> list[Path]:
    if (folder / FILE_NAME).exists():
        raise ConfigError(
            f"{folder / FILE_NAME} is there already.",
            hint="Choose another folder; a workspace is never overwritten.",
            code="config.exists",
        )
    folder.mkdir(parents=True, exist_ok=True)
    written = [_write(folder / FILE_NAME, (source / FILE_NAME).read_text(encoding="utf-8"))]
    if not (folder / ".env").exists():
        text = env if env is not None else (source / "env").read_text(encoding="utf-8")
        written.append(_write(folder / ".env", text, mode=0o600))
    if _ignore(folder / ".gitignore"):
        written.append(folder / ".gitignore")
    return written


def _write(path: Path, text: str, mode: int | None = None) -> Path:
    if mode is not None:
        path.touch(mode)
    path.write_text(text, encoding="utf-8")
    return path


def _ignore(path: Path) -> bool:
    """Add what must not go into git to `.gitignore`; tells whether anything was missing."""
    before = path.read_text(encoding="utf-8") if path.exists() else ""
    missing = [line for line in _IGNORED if line not in before.splitlines()]
    if missing:
        gap = "\n" if before and not before.endswith("\n") else ""
        path.write_text(before + gap + "\n".join(missing) + "\n", encoding="utf-8")
    return bool(missing)
