"""Whether a script may be deployed: read, then run once in the sandbox without events."""

from __future__ import annotations

from penstock.core.errors import ConfigError
from penstock.transforms.python.host import PythonTransformer
from penstock.transforms.python.lint import Problem, lint
from penstock.transforms.python.process import Limits


def check(script: str, limits: Limits | None = None) -> list[Problem]:
    """Everything that speaks against the script; warnings, too, in order of their lines.

    The code of the module is run in the sandbox only when reading it found no error.

    Raises:
        ConfigError: the sandbox cannot be sealed here.
    """
    found = lint(script, frozenset((limits or Limits()).modules))
    if any(problem.error for problem in found):
        return found
    try:
        PythonTransformer(script, limits, processes=1).close()
    except ConfigError as error:
        if error.code != "transform.script":
            raise
        return [Problem("SCRIPT", error.message, error.where.get("line")), *found]
    return found
