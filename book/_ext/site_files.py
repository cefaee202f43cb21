"""What machines read of the site: ``sitemap.xml``, and the course as text in ``llms.txt`` and ``llms-full.txt``."""

from __future__ import annotations

import html
import json
from pathlib import Path

from sphinx.application import Sphinx


def write_site_files(app: Sphinx, error: Exception | None) -> None:
    """List all pages with their titles, put their texts into one file and, where the site has an address, map it."""
    if error is not None or app.builder.format != "html":
        return
    first = app.config.root_doc
    pages = list(dict.fromkeys([first, *app.env.toctree_includes.get(first, ())]))
    base = (app.config.html_baseurl or "").rstrip("/")
    addresses = {page: (f"{base}/" if base else "") + app.builder.get_target_uri(page) for page in pages}
    lines = [f"- [{app.env.titles[page].astext()}]({addresses[page]})" for page in pages]
    head = f"# {app.config.html_title or app.config.project}\n\n"
    whole = f"The text of all pages: [llms-full.txt]({f'{base}/' if base else ''}llms-full.txt)\n\n"
    site = Path(app.outdir)
    (site / "llms.txt").write_text(head + whole + "\n".join(lines) + "\n", encoding="utf-8")
    texts = [read(Path(app.env.doc2path(page))) for page in pages]
    (site / "llms-full.txt").write_text(head + "\n\n".join(texts) + "\n", encoding="utf-8")
    if base:
        urls = "".join(f"<url><loc>{html.escape(address)}</loc></url>\n" for address in addresses.values())
        (site / "sitemap.xml").write_text(
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n{urls}</urlset>\n',
            encoding="utf-8",
        )


def read(path: Path) -> str:
    """Return the Markdown of a page; of a notebook also the code, without outputs."""
    text = path.read_text(encoding="utf-8")
    if path.suffix != ".ipynb":
        return text
    cells = [(cell["cell_type"], "".join(cell["source"])) for cell in json.loads(text)["cells"]]
    return "\n\n".join(f"```python\n{text}\n```" if kind == "code" else text for kind, text in cells)
