# SPDX-License-Identifier: Apache-2.0

"""Carries out plans in the file system; where that fails, looks again."""

from collections.abc import Callable
import dataclasses
import logging

from manila_drivers import exception
from manila_drivers import plan
from manila_drivers.ibm.gpfs import client
from manila_drivers.ibm.gpfs import errors
from manila_drivers.transport import retry
from manila_drivers.transport import script

LOG = logging.getLogger(__name__)


class GpfsExecutor:
    """Runs all steps of a plan in one round trip."""

    def __init__(self, gpfs: client.GpfsClient) -> None:
        self._client = gpfs

    def run(self, steps: plan.Plan,
            again: Callable[[], plan.Plan] | None = None, *,
            guessed: bool = False,
            undo: Callable[[], None] | None = None) -> bool:
        """Carry out a plan; if that fails, what is missing still.

        What was cut off is taken up again where it was cut off, as long as
        the slowest of its commands may take.  What GPFS refuses is not tried
        twice, unless it was planned from a guess.

        :param again: looks, and makes the plan of what is missing.
        :param guessed: whether the plan was made of what is most likely
            there, without asking.
        :param undo: called when GPFS refuses something for good and steps
            were made that have an undo.
        :returns: whether such steps were made.
        :raises DriverError: the first failure, or why there is no plan now.
        """
        plan.show(steps)
        execute, made = self._client.execute, False
        started, attempts = execute.clock(), None
        while steps:
            commands = self._client.commands(steps)
            if not guessed and attempts is None:
                attempts = execute.attempts(dataclasses.replace(
                    retry.HOSTS, total=started - execute.clock() + max(
                        cmd.timeout for cmd in commands)))
            failure = self._attempt(commands, looks=again is not None)
            made |= any(step.undo for step
                        in steps.steps[:_done(failure, len(commands))])
            if failure is None or again is None:
                if failure is not None:
                    raise failure
                return made
            refused = isinstance(failure, exception.BackendError)
            left, wrong = self._again(again, failure)
            if wrong is None and not refused:
                # Its answer was lost, and it is not missing.
                made |= any(step.undo and step not in left for step in steps)
            if wrong is None and left and not guessed and (
                    refused or not (attempts and attempts.again())):
                wrong = failure
            if wrong is not None:
                if made and undo and not isinstance(
                        wrong, exception.TransportError):
                    undo()
                raise wrong
            steps, guessed = left, False
        return made

    def _attempt(self, commands: client.Commands, *, looks: bool,
                 ) -> exception.BackendError | exception.OutcomeUnknown | None:
        """
        :param looks: whether it can be seen what a command has done that
            does not say so.
        """
        results, error = exception.caught(lambda: self._client.do(commands))
        if results is not None and looks:
            error = errors.silent(commands, results)
        if isinstance(error, (exception.BackendError,
                              exception.OutcomeUnknown)):
            LOG.warning('Looking again, for %s', error)
            return error
        if error is not None:
            raise error
        return None

    @staticmethod
    def _again(again: Callable[[], plan.Plan],
               failure: exception.DriverError,
               ) -> tuple[plan.Plan, exception.DriverError | None]:
        """Return what is missing, and what to raise instead."""
        steps, error = exception.caught(again)
        unseen = isinstance(error, exception.TransportError) or (
            type(error) is exception.BackendError
            and isinstance(failure, exception.TransportError))
        if unseen:
            failure.add_note(f'It could not be looked at: {error}')
        elif error is not None:
            error.add_note(f'Looked at after this: {failure}')
        return steps or plan.Plan(), failure if unseen else error


def _done(failure: exception.DriverError | None, number: int) -> int:
    """How many of so many commands are known to be done."""
    if isinstance(failure, errors.Stopped):
        return failure.done
    if isinstance(failure, script.Interrupted):
        return len(failure.done)
    return 0 if failure is not None else number
