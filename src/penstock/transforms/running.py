"""A deployed version at work, whatever it is made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from penstock.core.errors import ConfigError
from penstock.transforms.events import Events, Refused, Transformed, Transformer
from penstock.transforms.flow import block_flow
from penstock.transforms.python.jail.seal import LAYERS

if TYPE_CHECKING:
    from penstock.transforms.python.host import PythonTransformer

BROKEN = "transform.script"
"""Code of the error of a script whose own code does not run."""


def started_flow(stored: Mapping[str, Any], tell: Callable[[str], None]) -> Transformer:
    """Blocks at work.

    Args:
        tell: told why, when the flow cannot run: then every event is refused.
    """
    try:
        return block_flow(dict(stored))
    except ConfigError as error:
        tell(error.message)
        return AllRefused(error)


def started_script(
    script: str, tell: Callable[[str], None], show: Callable[[str], None]
) -> Transformer:
    """A script at work, in processes of its own.

    Args:
        tell: told why, when the code of the module does not run: then every event is refused.
        show: given what the script prints, a line at a time.

    Raises:
        ConfigError: this system cannot seal the processes.
    """
    # Imported here: blocks need nothing of it.
    from penstock.transforms.python.host import PythonTransformer

    try:
        return ScriptAtWork(PythonTransformer(script, on_console=show), tell)
    except ConfigError as error:
        if error.code != BROKEN:
            raise
        tell(error.message)
        return AllRefused(error)


def missing_layers() -> dict[str, str]:
    """Layers of the sandbox that this system does not have and is allowed to go without, and why.

    Raises:
        ConfigError: a script must not run here.
    """
    from penstock.transforms.python.host import check_layers
    from penstock.transforms.python.process import Limits, Process

    process = Process(Limits())
    try:
        check_layers(process)
        return process.missing
    finally:
        process.kill()


class AllRefused:
    """Stands in for a version that cannot run: events wait as failed ones until it is mended."""

    def __init__(self, error: ConfigError) -> None:
        self._reason = error.message
        line = error.where.get("line")
        self._line = line if isinstance(line, int) else None

    def transform(self, events: Events) -> Transformed:
        refused = tuple(
            Refused(row, "TRANSFORM_ERROR", "TRANSFORM_SCRIPT_INVALID", self._reason, self._line)
            for row in range(events.rows.num_rows)
        )
        return Transformed((), refused)

    def close(self) -> None:
        """There is nothing to end."""


class ScriptAtWork:
    """A script that may break later: a process that is replaced runs the module's code again."""

    def __init__(self, script: PythonTransformer, tell: Callable[[str], None]) -> None:
        self._script = script
        self._tell = tell
        self.missing = tuple(layer for layer in LAYERS if layer not in script.layers)
        """Layers of the sandbox that are not there."""
        self._broken: AllRefused | None = None

    def transform(self, events: Events) -> Transformed:
        if self._broken is None:
            try:
                return self._script.transform(events)
            except ConfigError as error:
                if error.code != BROKEN:
                    raise
                self._broken = AllRefused(error)
                self._tell(error.message)
        return self._broken.transform(events)

    def close(self) -> None:
        """End its processes."""
        self._script.close()
