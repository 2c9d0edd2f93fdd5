"""The blocks a flow is built of, by type."""

from __future__ import annotations

from typing import Any, Final

from penstock.transforms.blocks.add_field import AddField
from penstock.transforms.blocks.block import Block
from penstock.transforms.blocks.change_datetime import ChangeDatetime
from penstock.transforms.blocks.change_field_value import ChangeFieldValue
from penstock.transforms.blocks.drop_events import DropEvents
from penstock.transforms.blocks.drop_fields import DropFields
from penstock.transforms.blocks.find_replace import FindReplace
from penstock.transforms.blocks.flatten_json import FlattenJson
from penstock.transforms.blocks.format_date import FormatDate
from penstock.transforms.blocks.format_number import FormatNumber
from penstock.transforms.blocks.hash_fields import HashFields
from penstock.transforms.blocks.if_else import IfElse
from penstock.transforms.blocks.mask_fields import MaskFields
from penstock.transforms.blocks.parse_date import ParseDate
from penstock.transforms.blocks.parse_json import ParseJson
from penstock.transforms.blocks.parse_number import ParseNumber
from penstock.transforms.blocks.rename_events import RenameEvents
from penstock.transforms.blocks.rename_fields import RenameFields
from penstock.transforms.blocks.round_decimal import RoundDecimal
from penstock.transforms.blocks.split_fields import SplitFields
from penstock.transforms.blocks.text_case import TextCase

_ALL: Final[tuple[type[Block], ...]] = (
    AddField,
    ChangeDatetime,
    ChangeFieldValue,
    DropEvents,
    DropFields,
    FindReplace,
    FlattenJson,
    FormatDate,
    FormatNumber,
    HashFields,
    IfElse,
    MaskFields,
    TextCase,
    ParseDate,
    ParseJson,
    ParseNumber,
    RenameEvents,
    RenameFields,
    RoundDecimal,
    SplitFields,
)
BLOCKS: Final[dict[str, type[Block]]] = {block.type: block for block in _ALL}
"""In the order of transformations.md 8."""


def form(block: type[Block]) -> dict[str, Any]:
    """What the editor draws a block and the form of its settings from.

    Returns:
        type, title, group, effect on destination tables, whether it works on fields, and the
        JSON schema of its settings with their help texts.
    """
    return {
        "type": block.type,
        "title": block.title,
        "group": block.group.value,
        "effect": block.effect.value,
        "on_fields": block.on_fields,
        "settings": block.model_json_schema(),
    }
