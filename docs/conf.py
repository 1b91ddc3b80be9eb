"""The documentation site: every Markdown file of the repository, in the order of its indices.

The source is the repository itself, so that links between files are the same here and there.
"""

import os
import sys
from pathlib import Path

REPOSITORY = Path(__file__).parent.parent
sys.path[:0] = [str(REPOSITORY), str(Path(__file__).parent / "extensions")]
# Tutorials run `ednn` of the environment that builds, with this checkout, on one core.
os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
os.environ.update(PYTHONPATH=str(REPOSITORY), OMP_NUM_THREADS="1", WANDB_MODE="offline")

from nbclient import NotebookClient  # noqa: E402

import ednn  # noqa: E402

NotebookClient.coalesce_streams = True  # a command says one thing, not pieces of it

project = "ednn"
author = "the authors of ednn"
release = version = ednn.__version__
root_doc = "README"
include_patterns = [
    "README.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "benchmarks/README.md",
    "data/README.md",
    "docs/*.md",
    "docs/**/*.md",
    "ednn/core/pretrained/*.md",
]
exclude_patterns = [".*", "outputs", "data/cache", "wandb", "**/__pycache__", "tests"]
extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.githubpages",
    "sphinx.ext.viewcode",
    "sphinx_copybutton",
    "myst_nb",
    "mathml",
    "pages",
]

myst_enable_extensions = ["dollarmath", "colon_fence"]
myst_heading_anchors = 4
nb_execution_mode = "cache"
nb_execution_cache_path = str(REPOSITORY / "outputs/docs-cache/notebooks")
nb_execution_in_temp = True
nb_execution_timeout = 600  # seconds of a cell, on a machine that is busy
nb_execution_show_tb = True
nb_output_stderr = "remove"  # progress bars; what fails ends the build

default_role = "py:obj"  # `EDNN` in a docstring is a link
autodoc_member_order = "bysource"
autodoc_inherit_docstrings = False  # those of Lightning and torch are not written for Sphinx
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
napoleon_numpy_docstring = False
napoleon_use_ivar = True  # attributes are described once

html_theme = "pydata_sphinx_theme"
html_title = "ednn"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sourcelink = False
html_math_renderer = "mathml"
html_theme_options = {
    "header_links_before_dropdown": 7,
    "navigation_with_keys": True,
    "show_prev_next": False,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
}
html_context = {"default_mode": "auto"}  # light or dark, as the reader's system is
copybutton_prompt_text = ">>> "
