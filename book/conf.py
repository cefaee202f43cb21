"""The configuration of plain Sphinx, ``python -m sphinx -c book . _build/sphinx``, which needs no Jupyter Book.

It is what Jupyter Book makes of ``_config.yml``, as a test holds; Jupyter Book itself does not read this file.
"""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parent / "_ext"))

add_module_names = False
author = "The enlib authors"
autodoc_default_options = {"no-value": True}
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
autodoc_typehints = "none"
bibtex_bibfiles = ["references.bib"]
bibtex_reference_style = "author_year"
copyright = "2026"
exclude_patterns = [
    "**.ipynb_checkpoints",
    "**/.ipynb_checkpoints",
    ".*/**",
    ".DS_Store",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "README.md",
    "Thumbs.db",
    "_build",
    "_build/**",
    "book/_*/**",
]
extensions = [
    "sphinx_togglebutton",
    "sphinx_copybutton",
    "myst_nb",
    "sphinx_external_toc",
    "sphinx.ext.intersphinx",
    "sphinx_design",
    "sphinx_book_theme",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "enlib_book",
    "sphinxcontrib.bibtex",
]
external_toc_exclude_missing = True
html_baseurl = ""
html_context = {"default_mode": "auto"}
html_css_files = ["explore.css", "style.css"]
html_domain_indices = False
html_favicon = "_assets/favicon.svg"
html_js_files = [["explore.js", {"defer": "defer", "priority": 100}], ["page.js", {"defer": "defer"}]]
html_last_updated_fmt = None
html_logo = ""
html_sourcelink_suffix = ""
html_static_path = ["_assets", "../enlib/figures/assets"]
html_theme = "sphinx_book_theme"
html_theme_options = {
    "search_bar_text": "Search this book...",
    "launch_buttons": {
        "notebook_interface": "classic",
        "binderhub_url": "",
        "jupyterhub_url": "",
        "thebe": False,
        "colab_url": "",
        "deepnote_url": "",
    },
    "path_to_docs": "",
    "repository_url": "https://github.com/executablebooks/jupyter-book",
    "repository_branch": "master",
    "extra_footer": "<p>Text: CC BY 4.0. Code: BSD 3-Clause.</p>",
    "home_page_in_toc": True,
    "announcement": "",
    "analytics": {
        "google_analytics_id": "",
        "plausible_analytics_domain": "",
        "plausible_analytics_url": "https://plausible.io/js/script.js",
    },
    "use_repository_button": False,
    "use_edit_page_button": False,
    "use_issues_button": False,
    "navbar_persistent": [],
}
html_title = "One Neuron Too Many"
html_use_index = False
myst_enable_extensions = ["amsmath", "colon_fence", "deflist", "dollarmath", "substitution"]
myst_heading_anchors = 3
myst_url_schemes = ["mailto", "http", "https"]
napoleon_use_param = False
napoleon_use_rtype = False
nb_code_prompt_hide = "Hide the numbers"
nb_code_prompt_show = "Show the numbers"
nb_execution_allow_errors = False
nb_execution_cache_path = ""
nb_execution_excludepatterns = []
nb_execution_in_temp = False
nb_execution_mode = "cache"
nb_execution_raise_on_error = True
nb_execution_timeout = 600
nb_merge_streams = True
nb_output_stderr = "show"
nb_render_markdown_format = "myst"
nitpick_ignore_regex = [["py:class", "[a-z]+|Tensor|Parameter|nn\\.Module|torch\\.Tensor"]]
numfig = True
pygments_style = "sphinx"
suppress_warnings = ["myst.domains"]
