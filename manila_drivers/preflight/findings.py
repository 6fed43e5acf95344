# SPDX-License-Identifier: Apache-2.0

"""One thing that is wrong, for people and for machines."""

import dataclasses

from manila_drivers import exception

ERROR, WARNING = 'error', 'warning'


@dataclasses.dataclass(frozen=True)
class Finding:
    """One thing that is wrong.

    ``option`` is the one to look at, '' if it is none; ``tried`` what was
    looked at or attempted, ``answered`` what came back, ``do`` what helps.
    The service does not start, or does not work, with an ``error``.
    """

    option: str
    tried: str
    answered: str = ''
    do: str = ''
    severity: str = ERROR

    @classmethod
    def of(cls, error: exception.DriverError) -> 'Finding':
        """Return what an error says."""
        option = getattr(error, 'option', '')
        what = error.what.removeprefix(f'Option {option}: ')
        return cls(option, what, error.answer, error.check)

    def __str__(self) -> str:
        parts = [f'{self.option}: {self.tried}' if self.option
                 else self.tried]
        if self.answered:
            parts.append(f'Answer: {self.answered}')
        if self.do:
            parts.append(f'Check: {self.do}')
        return f'{self.severity}: ' + '. '.join(
            part.removesuffix('.') for part in parts) + '.'


@dataclasses.dataclass(frozen=True)
class Report:
    """All that came of a look at one backend.

    ``unseen`` says what could not be looked at, and why.
    """

    backend: str
    findings: tuple[Finding, ...]
    unseen: tuple[str, ...] = ()
