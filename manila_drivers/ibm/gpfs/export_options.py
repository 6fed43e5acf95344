#    Licensed under the Apache License, Version 2.0 (the "License"); you may
#    not use this file except in compliance with the License. You may obtain
#    a copy of the License at
#
#         http://www.apache.org/licenses/LICENSE-2.0
#
#    Unless required by applicable law or agreed to in writing, software
#    distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
#    WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
#    License for the specific language governing permissions and limitations
#    under the License.

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

_TEXT = re.compile(r'[A-Za-z0-9_.:=@/+-]+')

# Values that hold access levels of their own, per security flavour.
_OURS = frozenset({
    'ro', 'rw', 'access_type', 'clients', 'client', 'access', 'r_access',
    'rw_access', 'root_access', 'mdonly_access', 'mdonly_ro_access'})
_IDENTITY = frozenset({'fsid', 'export_id', 'path', 'pseudo', 'tag',
                       'filesystem_id', 'uuid', 'refer', 'replicas'})


def parse(text: str, known: Collection[str], source: str,
          ) -> tuple[str, ...]:
    """The options of a comma-separated list, in lower case and its order.

    :param known: names that are allowed; with ``=`` at the end for those
        that need a value.
    :param source: the extra spec or option, for errors.
    :raises InvalidRequest: naming all options that are refused.
    """
    items = [item.strip() for item in _split(text)]
    found, refused = [], []
    for item in filter(None, items):
        why = _objection(item, known)
        if why:
            refused.append(f'{item!r} ({why})')
        else:
            found.append(item.lower())
    if refused:
        raise exception.InvalidRequest(
            f'{source} contains options that are refused: '
            + ', '.join(refused), check=source)
    return tuple(dict.fromkeys(found))


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
    return ''


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
