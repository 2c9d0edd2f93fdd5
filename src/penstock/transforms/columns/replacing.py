"""Text within texts replaced; patterns are RE2's, so none takes more than linear time."""

from __future__ import annotations

import re
from typing import Final, Literal

import pyarrow as pa
import pyarrow.compute as pc

Scope = Literal["ALL", "FIRST", "WHOLE_VALUE"]
_GROUP: Final = re.compile(r"\\(\\|\d)|\$(\d)|\\")


def replaced(
    texts: pa.StringArray,
    find: str,
    replacement: str,
    *,
    regex: bool = False,
    match_case: bool = True,
    scope: Scope = "ALL",
) -> pa.StringArray:
    """Each text with what was found replaced.

    Args:
        replacement: with `regex` it may name groups, as `\\1` or `$1`.
    """
    most = 1 if scope == "FIRST" else None
    if not regex and match_case and scope != "WHOLE_VALUE":
        return pc.replace_substring(texts, find, replacement, max_replacements=most)
    pattern = _pattern(find, regex=regex, match_case=match_case, whole=scope == "WHOLE_VALUE")
    put = _rewritten(replacement) if regex else replacement.replace("\\", "\\\\")
    return pc.replace_substring_regex(texts, pattern, put, max_replacements=most)


def found(
    texts: pa.StringArray, find: str, *, regex: bool, match_case: bool, scope: Scope
) -> pa.BooleanArray:
    """Which texts hold it."""
    pattern = _pattern(find, regex=regex, match_case=match_case, whole=scope == "WHOLE_VALUE")
    return pc.match_substring_regex(texts, pattern)


def _pattern(find: str, *, regex: bool, match_case: bool, whole: bool) -> str:
    body = f"(?:{find})" if regex else quoted(find)
    if whole:
        body = rf"\A(?:{body})\z"
    return body if match_case else f"(?i){body}"


def quoted(text: str) -> str:
    """The pattern that matches this very text."""
    return "\\Q" + text.replace("\\E", "\\E\\\\E\\Q") + "\\E"


def _rewritten(replacement: str) -> str:
    """`$1` as `\\1`, and a backslash that begins no group as itself."""
    return _GROUP.sub(lambda m: "\\" + (m[1] or m[2] or "\\"), replacement)
