# SPDX-License-Identifier: Apache-2.0

"""The page of an audit, read as a browser reads it.

Where a Chromium is installed it is read by that one as well.
"""

import html
from html import parser
import json
import re
import subprocess

import pytest

from manila_drivers import inventory
from manila_drivers.audit import differences
from manila_drivers.audit import overview
from manila_drivers.audit import page
from manila_drivers.registry import records
from tests import needs
from tests import patience

#: What a user may call a share.
HOSTILE = ('</td></table><script>document.title="hacked"</script>'
           '<img src=x onerror=document.title="hacked">"\'& \u202eevil\x1b[1m')
#: Elements that have no end.
VOID = {'meta', 'br', 'img', 'input', 'link'}


def rule(target, level='rw', state='active', kind='ip'):
    return records.RuleEntry(f'rule-of-{target}', 'share', kind, target,
                             level, state)


def share(rules=(), clients=None, **more):
    return overview.AuditedShare(
        'id-1', more.pop('name', 'one'), 'project', 'NFS', 2, ('10.0.0.1:/x',),
        rules=rules, clients=None if clients is None else (clients,),
        **more)


def seen(write=(), read=()):
    return inventory.SeenClients('ip', frozenset(write), frozenset(read))


def told(one):
    return [(each.client, each.level, each.mark) for each in one.reached()]


@pytest.mark.parametrize(('rules', 'clients', 'expected'), [
    # As it should be, in other networks than the rules have.
    ([rule('192.0.2.0/24')], seen(['192.0.2.0/25', '192.0.2.128/25']),
     [('192.0.2.0/24', 'rw', overview.ALLOWED)]),
    ([rule('192.0.2.0/24', 'ro')], seen(['192.0.2.0/24']),
     [('192.0.2.0/24', 'rw', overview.FORBIDDEN)]),
    ([rule('192.0.2.0/24')], seen(read=['192.0.2.0/24']),
     [('192.0.2.0/24', 'rw', overview.MISSING),
      ('192.0.2.0/24', 'ro', overview.ALLOWED)]),
    ([], seen(['*']), [('0.0.0.0/0', 'rw', overview.FORBIDDEN),
                       ('::/0', 'rw', overview.FORBIDDEN)]),
    ([], seen(['@staff']), [('@staff', 'any', overview.FORBIDDEN)]),
    ([rule('192.0.2.7')], None, [('192.0.2.7', 'rw', overview.UNSEEN)]),
    (None, seen(['192.0.2.7']), [('192.0.2.7', 'rw', overview.UNSEEN)]),
    ([rule('192.0.2.7', state='error')], seen(),
     [('192.0.2.7', 'rw', overview.REFUSED)]),
    ([rule('192.0.2.7', state='applying')], seen(),
     [('192.0.2.7', 'rw', overview.PENDING)]),
    ([], seen(), [])])
def test_who_gets_in_is_told_with_a_verdict(rules, clients, expected):
    found = share(None if rules is None else tuple(rules), clients)
    assert [(client.removesuffix('/32'), level, mark)
            for client, level, mark in told(found)] == expected


def test_the_rules_behind_a_client_are_named():
    one = share((rule('192.0.2.0/24', 'ro'), rule('192.0.2.7'),
                 rule('203.0.113.1')), seen(['192.0.2.7'], ['192.0.2.0/24']))
    why = {each.client: each.why for each in one.reached()}
    assert why['192.0.2.0/24'] == (
        'ro ip 192.0.2.0/24 (rule rule-of-192.0.2.0/24)',
        'rw ip 192.0.2.7 (rule rule-of-192.0.2.7)')
    assert 'rule-of-203.0.113.1' in why[next(
        client for client in why if client.startswith('203'))][0]


def report(*shares, found=(), **more):
    return differences.AuditReport(
        'vast1', tuple(found), shares=len(shares), listed=len(shares),
        audited=shares, **more)


def whole():
    """Return a page with something of everything."""
    wide = share((rule('192.0.2.0/24'),), seen(['192.0.2.0/24', '*']),
                 name='wide')
    return page.page([report(
        wide, share((rule('198.51.100.7', 'ro'),), seen(), name=HOSTILE),
        share((rule('10.0.0.9'), rule('10.0.0.10')), seen(
            ['10.0.0.9', '10.0.0.10']), name='fine', state='in work: x'),
        found=[differences.Deviation(
            differences.WIDER, f'share {HOSTILE}', HOSTILE, HOSTILE,
            HOSTILE, HOSTILE)], unseen=(HOSTILE,), passed=(HOSTILE,))],
        'today', 'the registry')


class Reader(parser.HTMLParser):
    """Reads a page strictly: every element is closed in its order."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.attributes = [], [], []
        self.texts, self.rows = [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes += [(tag, *pair) for pair in attributes]
        if tag not in VOID:
            self.open.append(tag)
        if tag == 'tr':
            self.rows.append([])
        if tag in ('td', 'th'):
            self.rows[-1].append('')

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, text):
        if self.open and self.open[-1] in ('script', 'style'):
            return
        self.texts.append(text)
        if {'td', 'th'} & set(self.open):
            self.rows[-1][-1] += text


def check_is_safe(text):
    read = Reader(text)
    assert read.tags.count('script') == 1
    assert 'img' not in read.tags
    assert not [name for _, name, _ in read.attributes
                if name.startswith('on') or name in ('src', 'href')]
    assert not re.search(r'https?://|url\(|@import', text)
    shown = ''.join(read.texts)
    assert 'onerror=document.title' in shown
    assert all(one.isprintable() or one == '\n' for one in shown)
    return read


def test_a_page_is_whole_and_nothing_in_it_is_run():
    read = check_is_safe(whole())
    cells = {row[0]: row for row in read.rows}
    assert cells['0.0.0.0/0'][1] == '\u2717 NOT ALLOWED'
    assert cells['0.0.0.0/0'][6].startswith('rw ip 192.0.2.0/24 (rule')
    assert cells['::/0'][6] == 'no rule'


@pytest.mark.parametrize('blind', ['html.escape', 'isprintable'])
def test_a_page_that_does_not_escape_is_caught(monkeypatch, blind):
    if blind == 'html.escape':
        monkeypatch.setattr(page.html, 'escape', lambda text: text)
    else:
        monkeypatch.setattr(page, '_plain',
                            lambda text: page.html.escape(text))
    with pytest.raises(AssertionError):
        check_is_safe(whole())


def test_colours_can_be_told_from_their_ground():
    """Hold WCAG's contrast of 4.5 in light and in dark."""
    light, dark = page.STYLE.split('@media(prefers-color-scheme:dark)')
    for scheme in (light, dark.split('body{')[0]):
        values = dict(re.findall(r'--(\w+):(#[0-9a-f]+)', scheme))
        for name in ('ink', 'bad', 'less', 'fine'):
            assert contrast(values[name], values['paper']) >= 4.5, name


def contrast(one, other):
    def light(text):
        digits = text[1:] if len(text) == 7 else ''.join(
            each * 2 for each in text[1:])
        parts = [int(digits[at:at + 2], 16) / 255 for at in (0, 2, 4)]
        linear = [part / 12.92 if part <= 0.03928 else
                  ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    low, high = sorted((light(one), light(other)))
    return (high + 0.05) / (low + 0.05)


# -- in a real browser -------------------------------------------------------

#: Put into a copy of the page, to use it as a reader would.  The copy has no
#: policy: that is tried without it.
PLAY = """<script>
const tables = [...document.querySelectorAll('table.sorted')];
const names = n => [...tables[1].tBodies[0].rows].filter(
    row => !row.hidden).map(row => row.cells[n].innerText.trim());
const out = {title: document.title, tables: tables.length};
const click = n => tables[1].tHead.rows[0].cells[n].querySelector(
    'button').click();
click(0); out.up = names(0); click(0); out.down = names(0);
out.sort = tables[1].tHead.rows[0].cells[0].getAttribute('aria-sort');
const input = tables[1].previousElementSibling.querySelector('input');
input.value = 'not allowed'; input.dispatchEvent(new Event('input'));
out.left = names(1);
out.status = tables[1].previousElementSibling.querySelector(
    '[role=status]').innerText;
document.documentElement.dataset.out = JSON.stringify(out);
</script></body>"""


def dumped(tmp_path, text):
    """Return the document that a browser makes of a page."""
    file = tmp_path / 'page.html'
    file.write_text(text, encoding='utf-8')
    done = subprocess.run(
        [needs.browser(), '--headless', '--no-sandbox', '--disable-gpu',
         '--disable-dev-shm-usage', f'--user-data-dir={tmp_path}/profile',
         '--virtual-time-budget=5000', '--dump-dom', file.as_uri()],
        capture_output=True, text=True,
        timeout=patience.seconds(110), check=True)
    return done.stdout


def test_a_browser_sorts_and_filters(tmp_path):
    text = re.sub(r'<meta http-equiv=[^>]*>', '', whole())
    document = dumped(tmp_path, text.replace('</body>', PLAY))
    found = re.search(r'data-out="([^"]*)"', document)
    out = json.loads(html.unescape(found[1]))
    assert out['title'] == 'Audit of vast1'
    assert out['tables'] == 3
    addresses = [each for each in out['up'] if '.' in each]
    assert [one.removesuffix('/32') for one in addresses[:3]] == [
        '0.0.0.0/0', '10.0.0.9', '10.0.0.10']
    assert out['down'] == out['up'][::-1]
    assert out['sort'] == 'descending'
    assert set(out['left']) == {'\u2717 NOT ALLOWED'}
    assert re.fullmatch(r'2 of \d+ rows', out['status'])


def test_a_browser_runs_the_script_of_the_page_and_no_other(tmp_path):
    # What somebody got into the page would be stopped by its policy.
    text = whole().replace('</h1>', '</h1><script>document.title="hacked"'
                           '</script><b onclick="0" id=x>x</b>', 1)
    document = dumped(tmp_path, text)
    assert '<title>Audit of vast1</title>' in document
    assert 'Show only rows with' in document
