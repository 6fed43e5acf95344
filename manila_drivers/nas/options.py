# SPDX-License-Identifier: Apache-2.0

"""Options that operators may add to exports, read and checked.  Pure.

Who reaches a share is Manila's to say, so anything that has to do with
access, clients or the identity of the export is refused; so is whatever is
not known, for it might.
"""

from collections.abc import Collection
import re

from manila_drivers import exception

# Options of exports(5) with and without a value.
KERNEL = frozenset({
    'secure', 'insecure', 'sync', 'async', 'wdelay', 'no_wdelay', 'hide',
    'nohide', 'crossmnt', 'subtree_check', 'no_subtree_check',
    'insecure_locks', 'secure_locks', 'auth_nlm', 'no_auth_nlm',
    'root_squash', 'no_root_squash', 'all_squash', 'no_all_squash',
    'anonuid=', 'anongid=', 'sec=', 'acl', 'no_acl', 'pnfs', 'no_pnfs',
    'security_label', 'mp', 'mountpoint='})

# Of Ganesha 2.1 and later, and of mmnfs; names are case-insensitive.
GANESHA = frozenset({
    'protocols=', 'transports=', 'anonymous_uid=', 'anonymous_gid=',
    'sectype=', 'privilegedport=', 'manage_gids=', 'squash=', 'nfs_commit=',
    'delegations='})

# What values may be, by name; a colon stands between several.  One that a
# server does not know is found out too late, by half a change.
_NUMBER = r'-?\d{1,10}'
_SWITCH = 'true|false|t|f|yes|no|y|n|on|off|0|1'
_SQUASH = ('none|noidsquash|no_root_squash|root|root_?squash|root_?id|'
           'root_?id_?squash|all|all_?squash|all_?anonymous')
_VALUES = {
    'anonuid': _NUMBER, 'anongid': _NUMBER, 'mountpoint': r'/.*',
    'sec': 'sys|unix|none|null|krb5[ip]?|(lkey|spkm)-?3?[ip]?',
    'protocols': 'nfsv?[34]|v?[34]|9p', 'transports': 'udp|tcp|rdma',
    'anonymous_uid': _NUMBER, 'anonymous_gid': _NUMBER,
    'sectype': 'none|sys|krb5[ip]?', 'privilegedport': _SWITCH,
    'manage_gids': _SWITCH, 'squash': _SQUASH, 'nfs_commit': _SWITCH,
    'delegations': f'none|read|write|readwrite|r|w|rw|{_SWITCH}',
    **dict.fromkeys(('maxread', 'maxwrite', 'prefread', 'prefwrite',
                     'prefreaddir'), r'\d{1,10}')}
_SEVERAL = frozenset({'sec', 'sectype', 'protocols', 'transports'})

_TEXT = re.compile(r'[A-Za-z0-9_.:=@/+-]+')

# Values that hold access levels of their own, per security flavour.
_OURS = frozenset({
    'ro', 'rw', 'access_type', 'clients', 'client', 'access', 'r_access',
    'rw_access', 'root_access', 'mdonly_access', 'mdonly_ro_access'})
_IDENTITY = frozenset({'fsid', 'export_id', 'path', 'pseudo', 'tag',
                       'filesystem_id', 'uuid', 'refer', 'replicas'})


def parse(text: str, known: Collection[str], source: str,
          opposites: Collection[frozenset[str]] = (),
          ) -> tuple[str, ...]:
    """The options of a comma-separated list, in lower case and its order.

    :param known: names that are allowed; with ``=`` at the end for those
        that need a value.
    :param source: the extra spec or option, for errors.
    :param opposites: sets of names of which only one can hold.
    :raises InvalidRequest: naming all options that are refused.
    """
    items = [item.strip() for item in _split(text)]
    found, refused = [], []
    for item in filter(None, items):
        why = _objection(item, known)
        if why:
            refused.append(f'{item!r} ({why})')
        else:
            name, equals, value = item.partition('=')
            # A path is what it is.
            found.append(name.lower() + equals + (
                value if value.startswith('/') else value.lower()))
    refused += _contradictions(found, opposites)
    if refused:
        raise exception.InvalidRequest(
            f'{source} contains options that are refused: '
            + ', '.join(refused), check=source)
    return tuple(dict.fromkeys(found))


def _contradictions(options: Collection[str],
                    opposites: Collection[frozenset[str]]) -> list[str]:
    names: dict[str, set[str]] = {}
    for option in options:
        names.setdefault(option.partition('=')[0], set()).add(option)
    said = [found for found in names.values() if len(found) > 1]
    said += [found for found in (names.keys() & group for group in opposites)
             if len(found) > 1]
    return [f'{", ".join(map(repr, sorted(found)))} (only one can hold)'
            for found in said]


def _split(text: str) -> list[str]:
    """Pieces between commas that are not within double quotes."""
    return re.findall(r'(?:"[^"]*"?|[^,"])+', text)


def _objection(item: str, known: Collection[str]) -> str:
    if not _TEXT.fullmatch(item):
        return 'it has characters that no option needs'
    name, equals, value = item.lower().partition('=')
    name = name.strip()
    if name in _OURS:
        return 'access is for the rules to say'
    if name in _IDENTITY:
        return 'it is set by the driver'
    if name + equals not in known:
        return ('it is not known' if name + '=' not in known
                and name not in known else
                'it needs a value' if not equals else 'it has no value')
    if equals and not value:
        return 'it needs a value'
    return _wrong_value(name, value) if equals else ''


def _wrong_value(name: str, value: str) -> str:
    one = f'(?:{_VALUES[name]})'
    if re.fullmatch(f'{one}(?::{one})*' if name in _SEVERAL else one, value):
        return ''
    return f'{value!r} is no value of it'


def with_defaults(options: tuple[str, ...], defaults: tuple[str, ...],
                  opposites: Collection[frozenset[str]] = (),
                  ) -> tuple[str, ...]:
    """The options, and those defaults that none of them contradicts.

    :param opposites: sets of names of which only one can hold.
    """
    names = {option.partition('=')[0] for option in options}
    for group in opposites:
        if names & group:
            names |= group
    return tuple(option for option in defaults
                 if option.partition('=')[0] not in names) + options
