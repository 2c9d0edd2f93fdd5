"""ElementTree for scripts: XML that declares entities is refused, files are not opened."""

from __future__ import annotations

from types import ModuleType
from typing import Any
from xml.etree import ElementTree
from xml.parsers import expat


class XMLParser(ElementTree.XMLParser):
    """A parser beside which a second one looks for declarations of entities."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._guard = expat.ParserCreate()
        self._guard.EntityDeclHandler = _refuse

    def feed(self, data: Any) -> None:
        """Take more of the text."""
        self._guard.Parse(data, False)
        super().feed(data)


def _refuse(name: str, *_rest: Any) -> None:
    raise ValueError(f"XML that declares entities is not read (entity {name!r})")


def fromstring(text: Any, parser: Any = None) -> Any:
    """The root element of a text."""
    reader = parser or XMLParser()
    reader.feed(text)
    return reader.close()


def fromstringlist(texts: Any, parser: Any = None) -> Any:
    """The root element of a text in pieces."""
    reader = parser or XMLParser()
    for text in texts:
        reader.feed(text)
    return reader.close()


def parse(source: Any, parser: Any = None) -> Any:
    """The tree of an open file object."""
    return ElementTree.ElementTree(fromstring(source.read(), parser))


def module() -> ModuleType:
    """What scripts get as `xml.etree.ElementTree`."""
    made = ModuleType("xml.etree.ElementTree")
    for name in ("Element", "SubElement", "ElementTree", "Comment", "ParseError", "QName"):
        setattr(made, name, getattr(ElementTree, name))
    for name in ("tostring", "tostringlist", "iselement", "indent", "TreeBuilder", "dump"):
        setattr(made, name, getattr(ElementTree, name))
    for given in (fromstring, fromstringlist, parse, XMLParser):
        setattr(made, given.__name__, given)
    made.XML = fromstring  # type: ignore[attr-defined]
    return made
