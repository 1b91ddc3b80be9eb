"""Formulas as MathML: browsers draw them themselves, without a script from another server."""

from typing import Any

from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml


def visit(translator: Any, node: nodes.math | nodes.math_block) -> None:
    """Write a formula; what docutils can't read of it raises `MathError` and ends the build."""
    block = isinstance(node, nodes.math_block)
    translator.body.append(tex2mathml(node.astext(), as_block=block))
    raise nodes.SkipNode


def setup(app: Any) -> dict[str, bool]:
    """Let `html_math_renderer = "mathml"` name it."""
    app.add_html_math_renderer("mathml", (visit, None), (visit, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
