# SPDX-License-Identifier: Apache-2.0

"""The suites for pytest.  Inherit a class and name the lab.

::

    class TestSome(suite.Everything):
        make_lab = SomeLab

``make_lab`` is anything that returns a lab when called; for the suites that
use several processes it must also be possible to pickle it.  A single test is
overridden by its name, with the reason in the docstring.

pytest is needed for this module alone.
"""

from collections.abc import Callable
from collections.abc import Iterator
from typing import Any
from typing import ClassVar

import pytest

from manila_drivers.testing.conformance import budgets
from manila_drivers.testing.conformance import concurrency
from manila_drivers.testing.conformance import contents
from manila_drivers.testing.conformance import keeping
from manila_drivers.testing.conformance import lifecycle
from manila_drivers.testing.conformance import rules
from manila_drivers.testing.conformance import running
from manila_drivers.testing.conformance import service
from manila_drivers.testing.conformance import stage
from manila_drivers.testing.conformance import summary
from manila_drivers.testing.conformance import verdict
from manila_drivers.testing.conformance.lab import Lab

#: The property "played" says what of a random suite this run has played.
Record = Callable[[str, object], None]

# Generous: machines differ, and others may be working on them.
LONG = pytest.mark.timeout(1800)


def _all(scenarios: tuple[stage.Scenario, ...],
         ) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(
        'scenario', scenarios, ids=[one.name for one in scenarios])


class Base:
    """Gives each test a lab of its own."""

    make_lab: Any
    _node: Any = None

    @pytest.fixture(autouse=True)
    def _promise(self, request: pytest.FixtureRequest) -> None:
        """Have the run end with what was shown and what was not tried."""
        summary.ensure(request.config)
        self._node = request.node
        if not any(request.node.originalname in vars(base)
                   for base in type(self).__mro__
                   if base.__module__ == __name__):
            # One of the class's own.
            return
        callspec = getattr(request.node, 'callspec', None)
        name = request.node.originalname if callspec is None else callspec.id
        self._tell(summary.PROMISE, (
            type(self).__name__, name.removeprefix('test_')))

    def _tell(self, key: str, value: Any) -> None:
        self._node.user_properties.append((key, value))

    @pytest.fixture
    def lab(self) -> Iterator[Lab]:
        lab = type(self).make_lab()
        try:
            yield lab
        finally:
            lab.close()

    def play(self, lab: Lab,
             scenario: stage.Scenario) -> None:
        missing = scenario.missing(lab.features)
        if missing:
            pytest.skip(f'the driver does not offer {", ".join(missing)}')
        self.show(lambda: scenario.run(lab))

    def show(self, check: Callable[[], object]) -> None:
        """Carry out a check; skip the test if there was nothing to see.

        :raises Violation: the contract is broken.
        """
        try:
            check()
        except verdict.NotTried as exc:
            pytest.skip(str(exc))
        self._tell(summary.SHOWN, True)

    def note(self, report: running.Report, record_property: Record) -> None:
        """Have the run tell what was played and what was left out."""
        record_property('played', str(report))
        for reason in report.omitted:
            self._tell(summary.OMITTED, (report.name, reason))


class Life(Base):
    """Shares, snapshots, clones and managed exports."""

    @_all((*lifecycle.SCENARIOS, *keeping.SCENARIOS,
           *contents.SCENARIOS))
    def test_life(self, lab: Lab,
                  scenario: stage.Scenario) -> None:
        self.play(lab, scenario)


class Rules(Base):
    """Access rules, in chosen situations."""

    @_all(rules.SCENARIOS)
    def test_rules(self, lab: Lab,
                   scenario: stage.Scenario) -> None:
        self.play(lab, scenario)


class Service(Base):
    """Start-up, statistics, logs."""

    @_all(service.SCENARIOS)
    def test_service(self, lab: Lab,
                     scenario: stage.Scenario) -> None:
        self.play(lab, scenario)


class Budgets(Base):
    """External calls per operation."""

    @_all(budgets.SCENARIOS)
    def test_budgets(self, lab: Lab,
                     scenario: stage.Scenario) -> None:
        self.play(lab, scenario)


class Concurrency(Base):
    """64 threads."""

    @_all(concurrency.SCENARIOS)
    def test_concurrency(self, lab: Lab,
                         scenario: stage.Scenario) -> None:
        self.play(lab, scenario)


class AccessHistories(Base):
    """Random histories of access rules; 10,000 in a whole run."""

    #: Another number, for a driver whose histories take long.
    histories = 0

    _reports: ClassVar[dict[type, running.Report]] = {}

    def played(self) -> running.Report:
        """Return the report of this class, which plays once."""
        kind = type(self)
        if kind not in self._reports:
            self._reports[kind] = running.histories(kind.make_lab,
                                                    kind.histories)
        return self._reports[kind]

    @LONG
    def test_effective_access_equals_the_rules(
            self, record_property: Record) -> None:
        """After each step."""
        report = self.played()
        self.note(report, record_property)
        self.show(report.verify_ends)

    @LONG
    def test_access_goes_straight_to_the_rules(self) -> None:
        """While a step is under way nobody has more, or is cut off."""
        self.show(self.played().verify_between)


class FaultSweep(Base):
    """Every external call of every operation fails in every way."""

    #: Of all cases, for a driver whose cases take long.
    part = 1.0

    @LONG
    def test_repetition_converges(self, record_property: Record) -> None:
        report = running.faults(type(self).make_lab, part=self.part)
        self.note(report, record_property)
        self.show(report.verify)


class Everything(Life, Rules, Service, Budgets, Concurrency,
                 AccessHistories, FaultSweep):
    """All suites."""
