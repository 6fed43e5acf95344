# SPDX-License-Identifier: Apache-2.0

"""``apitokens``: credentials for programs, from VMS 5.3 on."""

from collections.abc import Callable
import datetime

from manila_drivers.testing.simulators.vast import fields
from manila_drivers.testing.simulators.vast.resources import base
from manila_drivers.testing.simulators.vast.state import State
from manila_drivers.testing.simulators.vast.wire import Call
from manila_drivers.testing.simulators.vast.wire import detail
from manila_drivers.testing.simulators.vast.wire import field_error
from manila_drivers.testing.simulators.vast.wire import not_found
from manila_drivers.testing.simulators.web.messages import answer
from manila_drivers.testing.simulators.web.messages import Response

LIMIT = 5         # valid tokens per owner
MONTH = 30 * 86400.0

Issue = Callable[[str, float], str | None]


class Tokens(base.Resource):
    """The secret is in the answer that makes it and nowhere else.

    :ivar issue: given an owner and a lifetime, makes a secret; None if
        there is no such user.
    :ivar revoked: told the secret that is no longer valid.
    """

    name = 'apitokens'
    filters = {**base.COMMON, 'owner': 'owner', 'revoked': 'revoked'}
    issue: Issue
    revoked: Callable[[str], None]

    def __init__(self, state: State) -> None:
        super().__init__(state)
        self.secrets: dict[int, str] = {}    # by token id

    def routes(self) -> base.Routes:
        return {**super().routes(),
                ('POST', False, ''): self.create,
                ('PATCH', True, 'revoke'): self.revoke}

    def create(self, call: Call) -> Response:
        if self.state.version < (5, 3):
            raise not_found()
        name = fields.name(call.body, required=True)
        owner = fields.text(call.body, 'owner', required=True) or ''
        lifetime = self.lifetime(fields.text(call.body, 'expiry_date'))
        valid = [record for record in self.table
                 if record['owner'] == owner and not record['revoked']]
        if len(valid) >= LIMIT:
            raise detail(503, f'{owner} has {LIMIT} tokens already.')
        secret = self.issue(owner, lifetime)
        if secret is None:
            raise base.unknown_pk('owner', owner)
        record = self.table.add({'name': name, 'owner': owner,
                                 'created': self.state.now(),
                                 'expiry_date': call.body.get('expiry_date'),
                                 'revoked': False})
        self.secrets[record['id']] = secret
        return answer(201, {'id': str(record['id']), 'token': secret})

    def revoke(self, call: Call) -> Response:
        record = self.one(call)
        record['revoked'] = True
        self.revoked(self.secrets[record['id']])
        return answer(200, record)

    def lifetime(self, expiry: str | None) -> float:
        """Seconds until a moment; a month if there is none."""
        if expiry is None:
            return MONTH
        try:
            moment = datetime.datetime.fromisoformat(expiry)
        except ValueError:
            raise field_error('expiry_date', 'Not a valid date.') from None
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=datetime.UTC)
        return moment.timestamp() - self.state.timeline.clock()
