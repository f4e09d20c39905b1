"""Writes README.rst and static/description/index.html of each addon from its readme/ fragments, as OCA's tool does.

Called with a folder of addons; with --check it writes nothing and fails if a file is stale. It needs docutils.
"""

import ast
import sys
from pathlib import Path

from docutils.core import publish_parts

# Fragments in the order of the page; the description has no heading.
SECTIONS = [
    ("DESCRIPTION", None),
    ("INSTALL", "Installation"),
    ("CONFIGURE", "Configuration"),
    ("USAGE", "Usage"),
]
GENERATED = ".. Generated from readme/ by tools/odoo/readme.py: edit the fragments.\n\n"


def render_rst(addon):
    manifest = ast.literal_eval((addon / "__manifest__.py").read_text())
    name = manifest["name"]
    parts = [f"{'=' * len(name)}\n{name}\n{'=' * len(name)}\n"]
    for fragment, heading in SECTIONS:
        file = addon / "readme" / f"{fragment}.rst"
        if not file.exists():
            continue
        text = file.read_text().strip()
        parts.append(f"{heading}\n{'=' * len(heading)}\n\n{text}\n" if heading else f"{text}\n")
    parts.append(f"Licence\n=======\n\n{manifest['license']}, by {manifest['author']}.\n")
    return GENERATED + "\n".join(parts)


def render_html(rst):
    parts = publish_parts(rst, writer="html5", settings_overrides={"initial_header_level": 2})
    return f'<section class="oe_container">\n{parts["html_body"].strip()}\n</section>\n'


def main(folder, check):
    stale = []
    for manifest in sorted(Path(folder).glob("*/__manifest__.py")):
        addon = manifest.parent
        rst = render_rst(addon)
        pages = {addon / "README.rst": rst, addon / "static/description/index.html": render_html(rst)}
        for file, text in pages.items():
            if file.exists() and file.read_text() == text:
                continue
            stale.append(str(file))
            if not check:
                file.write_text(text)
    for file in stale:
        print(f"{file} {'is stale: run tools/odoo/readme.py' if check else 'was written'}", file=sys.stderr)
    return 1 if stale and check else 0


if __name__ == "__main__":
    arguments = [argument for argument in sys.argv[1:] if argument != "--check"]
    sys.exit(main(*arguments, check="--check" in sys.argv))
