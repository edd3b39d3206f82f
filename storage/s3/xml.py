"""S3's XML documents: a reader that trusts nobody, and a writer.

The reader is expat without all that makes XML dangerous: a document type, entities and processing
instructions are refused where they begin, and size, depth and number of elements are limited.
What comes out is a small tree without namespaces.

The writer takes nested pairs of names and contents. Long listings skip it: `rows` fills one
template per entry.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias
from xml.parsers import expat

NAMESPACE: Final = "http://s3.amazonaws.com/doc/2006-03-01/"
INSTANCE_NAMESPACE: Final = "http://www.w3.org/2001/XMLSchema-instance"
DECLARATION: Final = '<?xml version="1.0" encoding="UTF-8"?>\n'


class XmlError(Exception):
    """A document is not what this reader takes; its sender is at fault.

    Front doors answer it with MalformedXML.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class XmlLimits:
    """What a document may have.

    Attributes:
        size_bytes_max: of the document.
        depth_max: elements within each other.
        elements_max: elements in all; the longest document that S3 defines names 10,000 parts
            with a number, an entity tag and a checksum each.
    """

    size_bytes_max: int = 4 << 20
    depth_max: int = 16
    elements_max: int = 60_000


class Element:
    """An element that was read.

    Attributes:
        name: without namespace.
        attributes: by name; of the schema instance's (xsi:type) the local name alone.
        children: in order.
        text: all of the text, as sent; only white space where there are children.
    """

    __slots__ = ("attributes", "children", "name", "text")

    def __init__(self, name: str, attributes: dict[str, str]) -> None:
        self.name = name
        self.attributes = attributes
        self.children: list[Element] = []
        self.text = ""

    def __iter__(self) -> Iterator[Element]:
        return iter(self.children)

    def find(self, name: str) -> Element | None:
        """Return the first child of a name, or nothing."""
        for child in self.children:
            if child.name == name:
                return child
        return None

    def all(self, name: str) -> list[Element]:
        """Return all children of a name."""
        return [child for child in self.children if child.name == name]

    def value(self, name: str) -> str | None:
        """Return the text of the first child of a name, or nothing where there is none."""
        child = self.find(name)
        return None if child is None else child.text


class _Reader:
    """Builds the tree from expat's events."""

    def __init__(self, limits: XmlLimits) -> None:
        self.root: Element | None = None
        self._limits = limits
        self._path: list[Element] = []
        self._elements = 0
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.buffer_text = True
        parser.buffer_size = 1 << 16
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text
        parser.StartDoctypeDeclHandler = self._refuse
        parser.EntityDeclHandler = self._refuse
        parser.ProcessingInstructionHandler = self._refuse
        parser.SkippedEntityHandler = self._refuse
        self.parser = parser

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._elements += 1
        if self._elements > self._limits.elements_max:
            raise XmlError("too many elements")
        if len(self._path) >= self._limits.depth_max:
            raise XmlError("elements nested too deeply")
        namespace, _, local = name.rpartition(" ")
        if namespace and namespace != NAMESPACE:
            raise XmlError(f"unknown namespace {namespace}")
        if attributes:
            attributes = {key.rpartition(" ")[2]: value for key, value in attributes.items()}
        element = Element(local, attributes)
        if self._path:
            self._path[-1].children.append(element)
        else:
            self.root = element
        self._path.append(element)

    def _end(self, _name: str) -> None:
        element = self._path.pop()
        if element.children and element.text and not element.text.isspace():
            raise XmlError(f"text between the elements of {element.name}")

    def _text(self, text: str) -> None:
        self._path[-1].text += text

    def _refuse(self, *_event: object) -> None:
        raise XmlError("document types, entities and processing instructions are not allowed")


def parse(data: bytes, root: str, limits: XmlLimits | None = None) -> Element:
    """Read a document.

    Args:
        data: the document; UTF-8 unless it says otherwise.
        root: name that the outermost element must have.
        limits: what the document may have.

    Raises:
        XmlError: the document is malformed, not of S3's namespace, over a limit, of another
            root, or has what this reader refuses.
    """
    limits = limits or _DEFAULT_LIMITS
    if len(data) > limits.size_bytes_max:
        raise XmlError("document too large")
    reader = _Reader(limits)
    try:
        reader.parser.Parse(data, True)
    except (expat.ExpatError, ValueError, LookupError) as error:  # the latter: unknown encodings
        raise XmlError(str(error)) from error
    if reader.root is None or reader.root.name != root:
        raise XmlError(f"the document is not a {root}")
    return reader.root


_DEFAULT_LIMITS: Final = XmlLimits()


class Fragment(str):
    """XML that is ready to be sent; the writer does not escape it."""

    __slots__ = ()


Content: TypeAlias = str | int | bool | Iterable[tuple[str, "Content"]] | None
"""What an element holds: text, a number, a boolean, elements as pairs of name and content, or a
`Fragment`. An element of None is left out, one of "" or () is empty."""


def document(root: str, content: Content, *, namespace: str = NAMESPACE) -> bytes:
    """Return a whole document.

    Args:
        root: name of the outermost element.
        content: what it holds.
        namespace: of the document; errors have none.
    """
    attributes = {"xmlns": namespace} if namespace else {}
    return (DECLARATION + element(root, content, attributes)).encode(errors="replace")


def element(name: str, content: Content, attributes: Mapping[str, str] | None = None) -> Fragment:
    """Return an element, or nothing at all where its content is None."""
    if content is None:
        return Fragment()
    start = name
    for key, value in (attributes or {}).items():
        start += f' {key}="{escape(value)}"'
    inner = _inner(content)
    return Fragment(f"<{start}>{inner}</{name}>" if inner else f"<{start}/>")


def _inner(content: Content) -> str:
    if isinstance(content, Fragment):
        return content
    if isinstance(content, str):
        return escape(content)
    if isinstance(content, bool):
        return "true" if content else "false"
    if isinstance(content, int):
        return str(content)
    return "".join([element(name, inner) for name, inner in content or ()])


def rows(name: str, columns: Mapping[str, Sequence[str]]) -> Fragment:
    """Return many elements of one shape, fast.

    Args:
        name: of each.
        columns: the name of each child → its contents, one for each element, which are XML
            already: escaped (`escape_all`) where they may need it.
    """
    fields = "".join(f"<{field}>%s</{field}>" for field in columns)
    fill = f"<{name}>{fields}</{name}>".__mod__
    return Fragment("".join(map(fill, zip(*columns.values(), strict=True))))


_has_markup: Final = re.compile('[&<>"]').search
_CONTROL: Final = re.compile("[\x00-\x08\x0b-\x1f\ufffe\uffff]")


def escape(text: str) -> str:
    """Return text as XML has it, within elements or quoted attributes.

    What XML 1.0 cannot say becomes a character reference nevertheless, as S3 does it; so does the
    carriage return, which every reader would take for a line feed.
    """
    if _has_markup(text):
        text = text.replace("&", "&amp;").replace("<", "&lt;")
        text = text.replace(">", "&gt;").replace('"', "&quot;")
    return _CONTROL.sub(_character_reference, text) if _CONTROL.search(text) else text


def _character_reference(match: re.Match[str]) -> str:
    return f"&#x{ord(match[0]):x};"


def escape_all(texts: Sequence[str]) -> Sequence[str]:
    """Return many texts as XML has them; where none needs a change, that costs one look at all."""
    joined = "".join(texts)
    if not _has_markup(joined) and not _CONTROL.search(joined):
        return texts
    return [escape(text) for text in texts]


_is_url_safe: Final = re.compile(r"[A-Za-z0-9_.*/-]*").fullmatch
_URL_CODES: Final = [
    "+" if byte == ord(" ") else character if _is_url_safe(character) else f"%{byte:02X}"
    for byte, character in enumerate(map(chr, range(256)))
]


def url_encode(text: str) -> str:
    """Return text as `encoding-type=url` asks for it: as forms have it, but slashes stay."""
    if _is_url_safe(text):
        return text
    return text.encode().decode("latin-1").translate(_URL_CODES)


def url_encode_all(texts: Sequence[str]) -> Sequence[str]:
    """Return many texts as `encoding-type=url` asks for them."""
    if _is_url_safe("".join(texts)):
        return texts
    return [url_encode(text) for text in texts]
