# SPDX-License-Identifier: Apache-2.0

"""The one value that every operation on a share is handed."""

from collections.abc import Callable
import dataclasses
import functools
import logging
from typing import Any

from manila_drivers import exception
from manila_drivers import model

LOG = logging.getLogger(__name__)


class TypeSpecs:
    """Extra specs of a share's type, read when they are first asked for.

    :param read: asks for them; what it raises stands until the call ends.
    :param share_id: whose they are, for the log.
    """

    def __init__(self, read: Callable[[], model.Specs],
                 share_id: str = '') -> None:
        self._read = read
        self._share_id = share_id

    @functools.cached_property
    def outcome(self) -> tuple[model.Specs | None, Exception | None]:
        return exception.caught_any(self._read)

    @functools.cached_property
    def known(self) -> model.Specs | None:
        """The specs, or None if they cannot be read, which is logged once."""
        specs, error = self.outcome
        if error is not None:
            LOG.warning('The extra specs of share %s cannot be read: %s',
                        self._share_id, error)
        return specs


@dataclasses.dataclass(frozen=True)
class Call:
    """Hold what an operation is about.

    ``server`` is the share server that the share is on, None where Manila
    handles none.  ``context`` is Manila's of the request, or None.
    """

    share: model.Share
    server: model.ShareServer | None = None
    extra_specs: TypeSpecs = dataclasses.field(
        default_factory=lambda: TypeSpecs(dict), compare=False, repr=False)
    context: Any = dataclasses.field(default=None, compare=False, repr=False)

    def specs(self) -> model.Specs:
        """Return the extra specs of the share's type.

        :raises DriverError: they cannot be read.
        """
        specs, error = self.extra_specs.outcome
        if specs is None:
            raise exception.DriverError(
                f'The extra specs of share {self.share.id} cannot be read',
                answer=str(error), check='the share type') from error
        return specs

    def specs_or_none(self) -> model.Specs | None:
        """Return the extra specs, or None if they cannot be read.

        For access and repair, which may not hang on a share's type.
        """
        return self.extra_specs.known
