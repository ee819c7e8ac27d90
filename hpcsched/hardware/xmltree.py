"""XML from a child process or a file to an element tree, bounded in bytes, depth and number of elements."""

from __future__ import annotations

from typing import NoReturn
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from hpcsched.errors import TopologyError

MAX_XML_BYTES = 32 << 20
MAX_ELEMENTS = 250_000
"""Five times what 8,192 PUs, the most that Linux has on any architecture, and thousands of devices take."""
MAX_DEPTH = 256


def parse_xml(xml: bytes) -> Element:
    """The root element. Entities and a DTD inside the document are refused; one that is only named is never fetched.

    Raises TopologyError.
    """
    if len(xml) > MAX_XML_BYTES:
        raise TopologyError(f"the topology has more than {MAX_XML_BYTES} bytes of XML, which are not read")
    builder = _Builder()
    try:
        builder.parser.Parse(xml, True)
    except (expat.ExpatError, ValueError, LookupError) as error:
        raise TopologyError(f"the topology is not well-formed XML: {error}") from None
    return builder.tree.close()


class _Builder:
    def __init__(self) -> None:
        self.parser = expat.ParserCreate()
        self.parser.buffer_text = True
        self.tree = TreeBuilder()
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self.tree.data
        self.parser.StartDoctypeDeclHandler = self._doctype
        self.parser.EntityDeclHandler = self._entity
        self._depth = self._elements = 0

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        self._elements += 1
        if self._depth > MAX_DEPTH:
            raise TopologyError(f"the topology's XML is nested deeper than {MAX_DEPTH} levels")
        if self._elements > MAX_ELEMENTS:
            raise TopologyError(f"the topology's XML has more than {MAX_ELEMENTS} elements")
        self.tree.start(tag, attributes)

    def _end(self, tag: str) -> None:
        self._depth -= 1
        self.tree.end(tag)

    def _doctype(self, name: str, system_id: str | None, public_id: str | None, has_internal_subset: bool) -> None:
        if has_internal_subset:
            raise TopologyError("the topology's XML brings a DTD of its own, which hwloc never writes")

    def _entity(self, name: str, *_: object) -> NoReturn:
        raise TopologyError(f"the topology's XML declares the entity {name!r}, which hwloc never does")
