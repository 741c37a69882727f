"""Sphinx reads this: how the documentation is built. It must never import innkeeper."""

import tomllib
from pathlib import Path

_PYPROJECT = Path(__file__).resolve().parent.parent / "pyproject.toml"

project = "Innkeeper"
author = "The Innkeeper authors"
project_copyright = "2026, The Innkeeper authors"
release = tomllib.loads(_PYPROJECT.read_text("utf-8"))["project"]["version"]

extensions = ["myst_parser"]
myst_enable_extensions = ["colon_fence", "deflist", "fieldlist"]
# Links to headings of other pages work down to this level.
myst_heading_anchors = 3

exclude_patterns = ["_build"]
nitpicky = True

html_theme = "furo"
html_title = "Innkeeper"
