# SPDX-License-Identifier: Apache-2.0

"""Has uv install what pip would, from where pip is told to look.

pip takes as long for the environments of a run as a lane takes for its tests.
uv needs a tenth of that, and reads none of pip's configuration: it is told
here.  Without uv, or where it finds less than pip, pip does it.
"""

from collections.abc import Mapping
import os
import pathlib
import re

# Where tools/run.py has tox.
HOME = pathlib.Path(__file__).resolve().parents[2] / '.venv' / 'test' / 'bin'

# The plugin has tox make its environments with uv, as long as it is there.
PLUGIN = 'tox-uv>=1.20'

# A name of pip's (or of uv's) -> uv's variable, and what is between several.
NAMES = {
    'index-url': ('UV_DEFAULT_INDEX', ' '),
    'extra-index-url': ('UV_INDEX', ' '),
    'find-links': ('UV_FIND_LINKS', ','),
    'trusted-host': ('UV_INSECURE_HOST', ' '),
    'constraint': ('UV_CONSTRAINT', ' '),
    'cert': ('SSL_CERT_FILE', ' '),
    'timeout': ('UV_HTTP_TIMEOUT', ' '),
    'default-timeout': ('UV_HTTP_TIMEOUT', ' '),
    'no-index': ('UV_NO_INDEX', ' '),
}

# pip looks everywhere for the newest, and takes the Python that it runs in.
ALWAYS = {'UV_INDEX_STRATEGY': 'unsafe-best-match',
          'UV_PYTHON_DOWNLOADS': 'never'}

# Later ones win: files first, then what is for `install`, then variables.
_SOURCES = ('global', 'install', ':env:')
_LINE = re.compile(r'(global|install|:env:)\.([\w-]+)=(.*)')


def variables(configured: str) -> dict[str, str]:
    """Return uv's variables for what ``pip config list`` prints.

    Options of pip's that uv has no word for are left out.
    """
    told: dict[str, tuple[int, str]] = {}
    for line in configured.splitlines():
        found = _LINE.fullmatch(line.strip())
        if not found or found[2] not in NAMES:
            continue
        name, between = NAMES[found[2]]
        rank = _SOURCES.index(found[1])
        value = between.join(found[3].strip('\'"').replace('\\n', ' ').split())
        if value and rank >= told.get(name, (0, ''))[0]:
            told[name] = rank, value
    return ALWAYS | {name: value for name, (_, value) in told.items()}


def program() -> pathlib.Path | None:
    """Return uv, if `prepare` has found that it works here."""
    found = HOME / 'uv'
    return found if wanted() and found.is_file() else None


def wanted(environment: Mapping[str, str] = os.environ) -> bool:
    """Tell if uv may be used: ``MANILA_DRIVERS_UV=0`` says no."""
    return environment.get('MANILA_DRIVERS_UV', '') != '0'
