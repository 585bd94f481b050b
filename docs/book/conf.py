"""How the book is made of the pages in docs/ and at the root: see CONTRIBUTING.md."""

project = "Floopy"
author = "The Floopy authors"
copyright = "The Floopy authors, Apache-2.0"
extensions = ["myst_parser"]
root_doc = "docs/index"
# The root of the repository is the source, so that links mean the same here and where the files are read as they are.
include_patterns = ["docs/*.md", "README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md", "firewall/model/CARD.md", "semantic/model/CARD.md"]
exclude_patterns = ["**/node_modules", ".git", ".local", "target", "controlplane", "floopy-data"]
source_suffix = {".md": "markdown"}
# Links lead to headings by the names that GitHub gives them.
myst_heading_anchors = 4
# A link that leads nowhere ends the build (with -W): links to files are checked, and so are anchors.
nitpicky = True
html_theme = "furo"
html_title = "Floopy"
html_copy_source = False
html_show_sphinx = False
# Pages are the same from run to run.
html_last_updated_fmt = None
