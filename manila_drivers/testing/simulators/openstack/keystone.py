# SPDX-License-Identifier: Apache-2.0

"""Projects, users, application credentials and tokens."""

import dataclasses
import secrets

from manila_drivers.testing.simulators.openstack.wire import Caller
from manila_drivers.testing.simulators.openstack.world import World

DOMAIN = {'id': 'default', 'name': 'Default'}


@dataclasses.dataclass
class CloudProject:
    id: str
    name: str
    enabled: bool = True


@dataclasses.dataclass
class CloudUser:
    """Somebody with a password.

    :param roles: by the id of the project.
    """

    id: str
    name: str
    password: str
    roles: dict[str, set[str]] = dataclasses.field(default_factory=dict)
    default_project: str | None = None
    enabled: bool = True


@dataclasses.dataclass
class AppCredential:
    """A secret of a user for one project, with some of the user's roles."""

    id: str
    name: str
    secret: str
    user: CloudUser
    project: CloudProject
    roles: frozenset[str]


@dataclasses.dataclass
class CloudToken:
    """A token; what it may do was settled when it was made."""

    id: str
    user: CloudUser
    project: CloudProject | None
    roles: frozenset[str]
    issued: float
    expires: float
    method: str
    credential: AppCredential | None = None


class Keystone:
    """Who there is, and which tokens hold."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.projects: dict[str, CloudProject] = {}
        self.users: dict[str, CloudUser] = {}
        self.credentials: dict[str, AppCredential] = {}
        self.tokens: dict[str, CloudToken] = {}
        self.logins = 0

    # Administration

    def add_project(self, name: str) -> CloudProject:
        project = CloudProject(self.world.hex(), name)
        self.projects[project.id] = project
        return project

    def add_user(self, name: str, project: CloudProject, *roles: str,
                 password: str | None = None) -> CloudUser:
        """Add a user; roles are those in the project."""
        user = CloudUser(self.world.hex(), name,
                         password or f'secret-{secrets.token_hex(8)}',
                         default_project=project.id)
        self.users[user.id] = user
        self.grant(user, project, *roles)
        return user

    def grant(self, user: CloudUser, project: CloudProject,
              *roles: str) -> None:
        user.roles.setdefault(project.id, set()).update(roles)

    def add_credential(self, user: CloudUser, project: CloudProject,
                       name: str = 'manila') -> AppCredential:
        credential = AppCredential(
            self.world.hex(), name, secrets.token_urlsafe(32), user, project,
            frozenset(user.roles.get(project.id, ())))
        self.credentials[credential.id] = credential
        return credential

    def project(self, name: str) -> CloudProject:
        """:raises KeyError: no project has that id or name."""
        for project in self.projects.values():
            if name in (project.id, project.name):
                return project
        raise KeyError(f'No project is called {name!r}')

    # Tokens

    def issue(self, user: CloudUser, project: CloudProject | None,
              method: str, roles: frozenset[str],
              credential: AppCredential | None = None) -> CloudToken:
        now = self.world.now
        token = CloudToken(
            f'gAAAAAB{secrets.token_urlsafe(48)}', user, project, roles, now,
            now + self.world.options.token_lifetime, method, credential)
        self.tokens[token.id] = token
        self.logins += 1
        return token

    def held(self, ident: str | None) -> CloudToken | None:
        """The token, if it still holds."""
        token = self.tokens.get(ident or '')
        if token is None:
            return None
        if token.expires <= self.world.now or not token.user.enabled:
            del self.tokens[token.id]
            return None
        return token

    def caller(self, ident: str | None) -> Caller | None:
        """Who carries the token; None if it opens nothing."""
        token = self.held(ident)
        if token is None or token.project is None:
            return None
        return Caller(token.user.id, token.project.id, token.roles)

    def revoke(self, user: str | None = None) -> int:
        """Let all tokens end now, or those of one user; how many."""
        doomed = [token for token in self.tokens.values()
                  if user is None or user in (token.user.id, token.user.name)]
        for token in doomed:
            del self.tokens[token.id]
        return len(doomed)
