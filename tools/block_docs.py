"""The reference page of the transformation blocks, from their classes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from penstock.transforms.blocks import BLOCKS, form
from penstock.transforms.formula.functions import ANY, FUNCTIONS

_EFFECTS = {
    "A": "New columns, filled from then on.",
    "B": "No column of its own: data goes on to the column of the name.",
    "C": "The type changes; the column must be able to hold the new one.",
    "D": "The column stays; later rows have NULL there.",
    "": "None.",
}


def page() -> str:
    """The page, without its first line."""
    lines = ["# Transformation blocks", "", "How they work together: [guide](../guides/blocks.md)."]
    for block in BLOCKS.values():
        lines += ["", *_block(form(block), block.__doc__ or "")]
    lines += ["", "# Functions of formulas", "", "| function | values |", "|---|---|"]
    for name, function in FUNCTIONS.items():
        most = "any number" if function.most == ANY else str(function.most)
        count = most if function.least == function.most else f"{function.least} to {most}"
        lines.append(f"| `{name}` | {count} |")
    lines.append("| `SPLIT_FIELDS` | 1 to 2, only as a whole formula |")
    return "\n".join(lines) + "\n"


def _block(made: dict[str, Any], text: str) -> Iterator[str]:
    yield f"## {made['title']}: `{made['type']}`"
    yield ""
    yield f"{text.strip()} Group: {made['group']}. Columns: {_EFFECTS[made['effect']]}"
    if not made["on_fields"]:
        yield ""
        yield "Works on whole events: it has no field filter."
    properties = made["settings"].get("properties", {})
    if not properties:
        return
    yield from ("", "| setting | what it says | values | default |", "|---|---|---|---|")
    for name, setting in properties.items():
        values = _values(setting, made["settings"].get("$defs", {})).replace("|", "\\|")
        default = f"`{json.dumps(setting['default'])}`" if "default" in setting else "required"
        if name not in made["settings"].get("required", []) and "default" not in setting:
            default = "none"
        yield f"| `{name}` | {setting.get('description', '')} | {values} | {default} |"


def _values(setting: dict[str, Any], definitions: dict[str, Any]) -> str:
    if "$ref" in setting:
        setting = definitions[setting["$ref"].rpartition("/")[2]]
    if "anyOf" in setting:
        return " or ".join(_values(item, definitions) for item in setting["anyOf"])
    if "enum" in setting:
        return ", ".join(f"`{value}`" for value in setting["enum"])
    return str(setting.get("type", ""))
