# SPDX-License-Identifier: Apache-2.0

"""Audits as one HTML page that needs nothing else.  Pure.

Everything that somebody else has named is escaped, loses its control
characters, and stands in an element of its own direction; the page forbids
its reader's browser to load anything, and to run anything but its own script.
"""

import base64
from collections.abc import Iterable
from collections.abc import Sequence
import hashlib
import html

from manila_drivers.audit import differences
from manila_drivers.audit import overview

#: A sign before the words, for who sees no colours.
_SIGNS = {overview.ALLOWED: '\u2713', overview.FORBIDDEN: '\u2717',
          overview.MISSING: '\u25b3', overview.UNSEEN: '?',
          overview.PENDING: '\u2026', overview.REFUSED: '!'}
_CLASSES = {overview.ALLOWED: 'fine', overview.FORBIDDEN: 'bad',
            overview.MISSING: 'less', overview.UNSEEN: 'dim',
            overview.PENDING: 'dim', overview.REFUSED: 'less'}

STYLE = """
:root{color-scheme:light dark;--ink:#1a1a1a;--paper:#fff;--line:#767676;
--soft:#f0f0f0;--bad:#a30000;--less:#7a4b00;--fine:#0b5d1e}
@media(prefers-color-scheme:dark){:root{--ink:#eee;--paper:#161616;
--line:#8c8c8c;--soft:#262626;--bad:#ff9c94;--less:#ffc86b;--fine:#8ddc9c}}
body{margin:2rem;font:1rem/1.45 system-ui,sans-serif;color:var(--ink);
background:var(--paper)}
table{border-collapse:collapse;width:100%;margin:.5rem 0 2rem}
caption{text-align:left;font-weight:bold;padding:.3rem 0}
th,td{border:1px solid var(--line);padding:.3rem .5rem;text-align:left;
vertical-align:top;overflow-wrap:break-word}
th{background:var(--soft);white-space:nowrap}
th button{all:unset;cursor:pointer;font-weight:bold}
th button:focus-visible,input:focus-visible{outline:3px solid var(--line)}
th[aria-sort=ascending] button::after{content:" \\25b2"}
th[aria-sort=descending] button::after{content:" \\25bc"}
.bad td:first-child{border-left:.5rem double var(--bad)}
.less td:first-child{border-left:.5rem dashed var(--less)}
.bad .mark{color:var(--bad);font-weight:bold;text-decoration:underline}
.less .mark{color:var(--less);font-weight:bold}.fine .mark{color:var(--fine)}
.dim .mark{font-style:italic}
input{font:inherit;padding:.3rem;width:20rem;max-width:100%}
ul.counts{padding-left:1.2rem}[hidden]{display:none}
@media print{body{margin:0;font-size:9pt;color:#000;background:#fff}
.tools{display:none}thead{display:table-header-group}
tr{break-inside:avoid}tr[hidden]{display:table-row}}
"""

SCRIPT = """
'use strict';
for (const table of document.querySelectorAll('table.sorted')) {
  const body = table.tBodies[0], heads = [...table.tHead.rows[0].cells];
  const key = (row, n) => row.cells[n].dataset.key ?? row.cells[n].textContent;
  const compare = new Intl.Collator(undefined, {numeric: true}).compare;
  heads.forEach((head, n) => {
    const button = document.createElement('button');
    button.type = 'button';
    button.textContent = head.textContent;
    head.replaceChildren(button);
    button.addEventListener('click', () => {
      const down = head.getAttribute('aria-sort') === 'ascending';
      heads.forEach(each => each.removeAttribute('aria-sort'));
      head.setAttribute('aria-sort', down ? 'descending' : 'ascending');
      const rows = [...body.rows].sort(
          (a, b) => (down ? -1 : 1) * compare(key(a, n), key(b, n)));
      body.append(...rows);
    });
  });
  const tools = document.createElement('p'), label =
      document.createElement('label'), input =
      document.createElement('input'), count = document.createElement('span');
  tools.className = 'tools';
  count.setAttribute('role', 'status');
  label.append('Show only rows with: ', input);
  tools.append(label, ' ', count);
  input.type = 'search';
  input.addEventListener('input', () => {
    const words = input.value.toLowerCase().split(/\\s+/).filter(Boolean);
    let shown = 0;
    for (const row of body.rows) {
      const text = row.textContent.toLowerCase();
      row.hidden = !words.every(word => text.includes(word));
      shown += !row.hidden;
    }
    count.textContent = words.length ?
        `${shown} of ${body.rows.length} rows` : '';
  });
  table.before(tools);
}
"""

Row = tuple[str, Sequence[str]]


def page(reports: Sequence[differences.AuditReport], when: str,
         against: str) -> str:
    """Return the page of some backends.

    :param when: the time of the audit, in words.
    :param against: what it was compared with, such as Manila of a cloud.
    """
    names = ', '.join(report.backend for report in reports) or 'no backend'
    policy = ("default-src 'none'; style-src %s; script-src %s; base-uri "
              "'none'; form-action 'none'" % (_hash(STYLE), _hash(SCRIPT)))
    told = (f'<p>Looked at {_text(when)}, and compared with '
            f'{_text(against)}.</p>')
    return '\n'.join((
        '<!DOCTYPE html>', '<html lang="en">', '<head>',
        '<meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
        '<meta name="viewport" content="width=device-width">',
        '<meta name="referrer" content="no-referrer">',
        f'<title>Audit of {_plain(names)}</title>',
        f'<style>{STYLE}</style>', '</head>', '<body>',
        f'<h1>Who can reach the shares of {_text(names)}</h1>',
        told, *(part for report in reports for part in _backend(report)),
        f'<script>{SCRIPT}</script>', '</body>', '</html>', ''))


def _backend(report: differences.AuditReport) -> Iterable[str]:
    yield f'<h2>Backend {_text(report.backend)}</h2>'
    yield '<ul class="counts">'
    yield (f'<li>{report.shares} shares are known, {report.listed} are on '
           'the backend.</li>')
    yield f'<li>{len(report.differences)} differences.</li>'
    for words, lines in (('Not looked at', report.unseen),
                         ('Not judged', report.passed)):
        yield from (f'<li><strong>{words}:</strong> {_text(line)}</li>'
                    for line in lines)
    yield '</ul>'
    yield from _table(
        'Differences', ('Kind', 'Object', 'Expected', 'Found', 'What to do',
                        'Id'),
        [('bad' if one.kind == differences.WIDER else 'less', tuple(map(
            _text, (one.kind, one.subject, one.expected, one.found, one.do,
                    one.ident)))) for one in report.differences],
        'Everything is as it should be, as far as it was looked at.')
    yield from _table(
        'Who can reach what, and why',
        ('Client', 'Verdict', 'Level', 'Share', 'Project', 'Location',
         'Why'), _reach(report), 'Nobody can reach any share.')
    yield from _table(
        'Shares', ('Share', 'Id', 'Project', 'Protocol', 'GiB', 'State',
                   'Clients', 'Not allowed'),
        [_share(one) for one in report.audited], 'There are none.')


def _reach(report: differences.AuditReport) -> list[Row]:
    """Return a row for each client of each share, by addresses."""
    found = [(each, one) for one in report.audited
             for each in one.reached()]
    found.sort(key=lambda pair: overview.order(pair[0].client))
    return [(_CLASSES[each.mark], (
        _text(each.client), _mark(f'{_SIGNS[each.mark]} {each.mark}'),
        _text(each.level), _text(one.name), _text(one.project),
        _lines(one.locations), _lines(each.why) or 'no rule'))
        for each, one in found]


def _share(one: overview.AuditedShare) -> Row:
    reached = one.reached()
    bad = sum(each.mark == overview.FORBIDDEN for each in reached)
    return ('bad' if bad else 'less' if one.state else 'fine', (
        _text(one.name), _text(one.id), _text(one.project),
        _text(one.proto), '' if one.size is None else str(one.size),
        _text(one.state or 'whole'), 'not told' if one.rules is None
        and one.clients is None else str(len(reached)),
        _mark(f'\u2717 {bad}') if bad else '0'))


def _mark(text: str) -> str:
    return f'<span class="mark">{_plain(text)}</span>'


def _table(caption: str, heads: Sequence[str], rows: Sequence[Row],
           empty: str) -> Iterable[str]:
    if not rows:
        yield f'<p><strong>{_plain(caption)}:</strong> {_plain(empty)}</p>'
        return
    yield f'<table class="sorted"><caption>{_plain(caption)}</caption>'
    yield '<thead><tr>' + ''.join(
        f'<th scope="col">{_plain(head)}</th>' for head in heads) \
        + '</tr></thead><tbody>'
    for kind, cells in rows:
        yield f'<tr class="{kind}">' + ''.join(
            f'<td>{cell}</td>' for cell in cells) + '</tr>'
    yield '</tbody></table>'


def _plain(text: str) -> str:
    return html.escape(''.join(
        one if one.isprintable() else '\ufffd' for one in text))


def _text(text: str) -> str:
    return f'<bdi>{_plain(text)}</bdi>'


def _lines(texts: Iterable[str]) -> str:
    return '<br>'.join(map(_text, texts))


def _hash(text: str) -> str:
    """Return what a policy names a part of the page by."""
    digest = hashlib.sha256(text.encode()).digest()
    return "'sha256-%s'" % base64.b64encode(digest).decode()
