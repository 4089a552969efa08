"""The site of the documentation: `make docs` writes build/docs/index.html.

Its source directory is the repository, so that README, CONTRIBUTING and the pages
beside examples are pages of the site, and every link works on both.
"""

import os

from pygments.lexers.special import TextLexer
from sphinx.highlighting import lexers

project = "sswd"
author = "the sswd developers"
copyright = "the sswd developers"  # noqa: A001  Sphinx's word

extensions = ["myst_parser", "sphinx_external_toc"]
external_toc_path = "docs/_toc.yml"
external_toc_exclude_missing = True

include_patterns = [
    "README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "docs/**.md",
    "examples/**/README.md",
    "examples/README.md",
    "deploy/README.md",
    "deploy/**/README.md",
    "tests/README.md",
]
exclude_patterns = [".venv", ".git", "build", "sswd", "bench"]
root_doc = "README"

myst_heading_anchors = 4
nitpicky = True
for language in ("mermaid", "acf"):
    lexers[language] = TextLexer()
# Offline and without an account: what the pages link to outside is not asked.
linkcheck_ignore = [r"https?://"]

html_theme = "furo"
html_title = "sswd"
html_static_path: list[str] = []
html_show_sphinx = False
html_copy_source = False
pygments_style = "friendly"
os.environ.setdefault("SOURCE_DATE_EPOCH", "1767225600")  # the same pages each time
