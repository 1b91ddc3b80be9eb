"""A page of HTML that needs no other file: pictures and styles are inside."""

from base64 import b64encode
from math import floor, log10
from pathlib import Path
from typing import Any, NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from ednn.core.files import atomic
from ednn.core.info import in_words

RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


class Picture(NamedTuple):
    """A picture inside a page.

    Attributes:
        png: the bytes of its file.
        alt: what it shows, for those who can't see it.
        caption: what stands below it; empty for nothing.

    Example:
        >>> Picture(b"PNG", "Loss against epoch").uri
        'data:image/png;base64,UE5H'
    """

    png: bytes
    alt: str
    caption: str | Markup = ""

    @property
    def uri(self) -> str:
        """The picture as an address, which holds all of it."""
        return f"data:image/png;base64,{b64encode(self.png).decode()}"


def write_page(path: Path, template: str, **values: Any) -> Path:
    """Write a page, whole or not at all.

    Args:
        path: of the page.
        template: its name in `templates/`.
        **values: what the template asks for.

    Returns:
        The path.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     values = {"heading": "Studies", "intro": "None was run.", "studies": []}
        ...     path = write_page(Path(folder, "report.html"), "studies.html.j2", **values)
        ...     "None was run." in path.read_text()
        True
    """
    pages = Environment(
        loader=PackageLoader("ednn.reports"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    pages.filters |= {"quantity": quantity, "code": code, "words": in_words}
    text = pages.get_template(template).render(**values)
    with atomic(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return path


def quantity(value: float, unit: str = "", known_to: float | None = None) -> Markup:
    r"""Return a number of three digits with its unit; the element has all digits in its `value`.

    Args:
        value: the number.
        unit: empty for none.
        known_to: an error, of which the number shows two digits and no more.

    Example:
        >>> print(quantity(1.23456e-7), quantity(0.5, "eV").count("\N{NO-BREAK SPACE}eV"))
        <data value="1.23456e-07">1.23 × 10⁻⁷</data> 1
        >>> print(quantity(81234.5), quantity(-81234.56789, known_to=0.0123))
        <data value="81234.5">81,200</data> <data value="-81234.56789">−81,234.568</data>
    """
    shown = _three_digits(value) if not known_to else _rounded(value, known_to)
    digits = repr(float(value)), shown.replace("-", "−")
    number = Markup('<data value="{}">{}</data>').format(*digits)
    return number + f"\N{NO-BREAK SPACE}{unit}" if unit else number


def code(sentence: str) -> Markup:
    """Return a sentence whose parts in backticks are set as code.

    Example:
        >>> print(code("Go on by `ednn train`."))
        Go on by <code>ednn train</code>.
    """
    parts = sentence.split("`")
    parts[1::2] = [Markup("<code>{}</code>").format(part) for part in parts[1::2]]
    return Markup("").join(parts)


def _rounded(value: float, known_to: float) -> str:
    decimals = 1 - floor(log10(abs(known_to)))
    return f"{round(value, decimals):,.{max(0, decimals)}f}"


def _three_digits(value: float) -> str:
    mantissa, _, exponent = f"{value:.2e}".partition("e")
    if abs(value) < 1e6 and (value == 0 or abs(value) >= 1e-3):
        return f"{float(f'{value:.3g}'):,.6g}"
    return f"{float(mantissa):g} × 10{str(int(exponent)).translate(RAISED)}"
