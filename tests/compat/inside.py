# SPDX-License-Identifier: Apache-2.0

"""Tell what compat does inside a Manila with a database, as JSON."""

import json
import os
import sys
import tempfile
import threading
from typing import Any

from oslo_config import cfg

from manila_drivers import compat
from manila_drivers import exception


def with_database(state: str) -> None:
    """An empty database with Manila's tables."""
    from manila.common import config  # noqa: F401
    from manila.db.sqlalchemy import api
    from manila.db.sqlalchemy import models
    cfg.CONF([], project='manila', default_config_files=[])
    cfg.CONF.set_override('state_path', state)
    cfg.CONF.set_override('rootwrap_config', '/etc/manila/rootwrap.conf')
    cfg.CONF.set_override('lock_path', state, 'oslo_concurrency')
    cfg.CONF.set_override('connection', f'sqlite:///{state}/manila.sqlite',
                          'database')
    models.BASE.metadata.create_all(api.get_engine())


def specs() -> dict[str, Any]:
    from manila import context
    from manila.share import share_types
    share_types.create(
        context.get_admin_context(), 'gold',
        {'driver_handles_share_servers': 'False', 'vast:qos': 'fast'})
    found = share_types.get_share_type_by_name(context.get_admin_context(),
                                               'gold')
    return {'type': compat.extra_specs({'share_type_id': found['id']}),
            'given': compat.extra_specs({'share_type_extra_specs': {'a': 1}}),
            'none': compat.extra_specs({'share_type_id': None})}


def messages() -> list[list[str]]:
    from manila import context
    from manila.message import api
    admin = context.RequestContext('u', 'p', is_admin=True)
    row = {'share_id': 'the-share', 'project_id': 'p'}
    compat.user_message(admin, row, 'UNSUPPORTED_CLIENT_ACCESS')
    # Courtesies that fail are no failure of the call.
    compat.user_message(admin, row, 'NO_SUCH_DETAIL')
    compat.user_message(None, row, 'UNSUPPORTED_CLIENT_ACCESS')
    return [[message['resource_id'], message['action_id'],
             message['detail_id']] for message in api.API().get_all(
                admin, sort_key='created_at', sort_dir='asc')]


def locked() -> dict[str, str]:
    """Return whether Manila's decorator and our lock exclude each other."""
    from manila import utils
    inside = threading.Event()
    done = threading.Event()

    @utils.synchronized('a name', external=True)
    def hold() -> None:
        inside.set()
        done.wait(30)

    holder = threading.Thread(target=hold)
    holder.start()
    inside.wait(30)
    answers = {'same': attempt('a name'), 'other': attempt('another name')}
    done.set()
    holder.join()
    answers['freed'] = attempt('a name')
    answers['files'] = ' '.join(sorted(
        name for name in os.listdir(cfg.CONF.oslo_concurrency.lock_path)
        if 'sqlite' not in name))
    return answers


def attempt(name: str) -> str:
    try:
        with compat.lock(name, timeout=0.05):
            return 'held'
    except exception.Busy:
        return 'busy'


def main() -> None:
    with tempfile.TemporaryDirectory() as state:
        with_database(state)
        json.dump({
            'specs': specs(), 'messages': messages(), 'locks': locked(),
            'root_helper': compat.root_helper()}, sys.stdout)


if __name__ == '__main__':
    main()
