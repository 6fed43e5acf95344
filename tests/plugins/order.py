# SPDX-License-Identifier: Apache-2.0

"""Puts the fast tests first, and marks those that are slow.

Whoever has broken something wants to hear of it from a test that takes a
millisecond, not from the one that takes a minute.  What is slow is said here
by file, so that `-m 'not slow'` is a run for between two edits.
"""

import pathlib

import pytest

# Files with one second of tests or more, where processes are started,
# deadlines waited for, or thousands of rules handled.
SLOW = frozenset(f'tests/unit/{name}.py' for name in (
    'cli/test_operate', 'cli/test_simulate_generic',
    'cli/test_simulate_openstack', 'cli/test_simulate_ssh',
    'cli/test_simulate_vast', 'cli/test_tutorial', 'compat/test_locks',
    'compat/test_mode', 'compat/test_shared_locks', 'generic/test_dry_run',
    'generic/test_guest_access', 'generic/test_guest_broken',
    'generic/test_guest_failing', 'generic/test_guest_serving',
    'generic/test_over_the_wire', 'glusterfs/test_grammars',
    'glusterfs/test_patience', 'glusterfs/test_shares', 'gpfs/test_ces_order',
    'gpfs/test_copying', 'gpfs/test_dry_run', 'gpfs/test_local',
    'gpfs/test_one_too_many', 'gpfs/test_operations', 'gpfs/test_servers',
    'metrics/test_endpoint', 'nas/test_crowds', 'nas/test_ganesha',
    'nas/test_helpers', 'nas/test_kernel', 'openstack/test_keystone',
    'openstack/test_link', 'packaging/test_driver_page',
    'packaging/test_measure_house', 'packaging/test_metadata',
    'packaging/test_privileges', 'packaging/test_recording', 'rig/test_kinds',
    'service_instance/test_faults', 'service_instance/test_share_servers',
    'simulators/openstack/test_transcripts', 'simulators/test_local_server',
    'simulators/test_robustness', 'simulators/test_speed',
    'standalone/test_private_data', 'tempest/test_backends',
    'tempest/test_processes', 'test_ending', 'transport/test_local',
    'transport/test_rest', 'transport/test_script_lock',
    'vastdata/test_dry_run', 'vastdata/test_half_told',
    'vastdata/test_meanwhile', 'vastdata/test_patience', 'vastdata/test_told'))
SLOW_DIRECTORIES = tuple(f'tests/unit/{name}/' for name in (
    'audit', 'ci', 'direct', 'preflight', 'registry', 'transport/ssh'))

# The directories that are sorted.  Elsewhere the order of the files is part
# of what is tested, or of what a module's fixture costs.
SORTED = ('tests/unit/', 'tests/conformance/')

# Seconds; who asks for more than this plays a random suite.
LONG = 600


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        'markers', 'slow: takes a second or more; see tests/plugins/order.py')


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config,
                                  items: list[pytest.Item]) -> None:
    ranked = [(rank(path(config, item), timeout(item)), item)
              for item in items]
    items[:] = [item for _, item in sorted(ranked, key=lambda one: one[0])]


@pytest.hookimpl(tryfirst=True)
def pytest_itemcollected(item: pytest.Item) -> None:
    if rank(path(item.config, item), timeout(item)):
        item.add_marker('slow')


def path(config: pytest.Config, item: pytest.Item) -> str:
    """Return the file of a test, below the root of the repository."""
    try:
        return item.path.relative_to(config.rootpath).as_posix()
    except ValueError:
        return pathlib.PurePath(item.path).name


def timeout(item: pytest.Item) -> float:
    """Return the seconds that a test asks for itself, 0 for the default."""
    mark = item.get_closest_marker('timeout')
    return float(mark.args[0]) if mark is not None and mark.args else 0.0


def rank(file: str, seconds: float = 0.0) -> int:
    """Return 0 for what runs first, up to 3 for the random suites."""
    if not file.startswith(SORTED):
        return 0
    if seconds >= LONG:
        return 3
    if file.startswith('tests/conformance/'):
        return 2
    return int(file in SLOW or file.startswith(SLOW_DIRECTORIES))
