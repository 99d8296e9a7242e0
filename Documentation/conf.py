# SPDX-License-Identifier: GPL-2.0
#
# Sphinx, for `make htmldocs`: plain pages, and links between them.

import re

from docutils import nodes
from sphinx import addnodes

project = 'bcache: the flusher and its flag'
root_doc = 'index'
html_theme = 'alabaster'
html_theme_options = {'body_max_width': '52em'}
html_copy_source = False
pygments_style = 'none'
highlight_language = 'none'
smartquotes = False


def link_documents(app, doctree):
    """A page is named by its path; make that a link if the page is ours."""
    for literal in list(doctree.findall(nodes.literal)):
        page = re.fullmatch(r'Documentation/(.+)\.rst', literal.astext())
        if page and page[1] in app.env.found_docs:
            link = addnodes.pending_xref(
                '', refdomain='std', reftype='doc', refexplicit=False,
                reftarget='/' + page[1], refdoc=app.env.docname)
            link += nodes.inline()
            literal.replace_self(link)


def setup(app):
    app.connect('doctree-read', link_documents)
    return {'parallel_read_safe': True}
