# SPDX-License-Identifier: Apache-2.0

"""Check what has to be right before the service starts.

Each misconfiguration has an error of its own that names the option.
"""

from collections.abc import Iterator
import contextlib
import logging

from manila_drivers import exception
from manila_drivers.ibm.gpfs import client
from manila_drivers.ibm.gpfs import errors
from manila_drivers.ibm.gpfs import listing
from manila_drivers.ibm.gpfs.helpers import base
from manila_drivers.transport import command
from manila_drivers.transport import verdict

LOG = logging.getLogger(__name__)

_NOT_FOUND = 127


def check(gpfs: client.GpfsClient,
          helper: 'base.NASHelperBase[object]') -> None:
    """Look at everything once: three round trips and those of the helper.

    :raises ConfigurationError: naming the option to correct.
    :raises DriverError: it cannot be looked at for another reason.
    """
    with reaching():
        _check_nodes(gpfs)
        _check_filesystem(gpfs)
        gpfs.cluster.addresses  # noqa: B018 - it is asked for and remembered
    helper.check()


@contextlib.contextmanager
def reaching() -> Iterator[None]:
    """Name the option where management hosts are not reached.

    :raises ConfigurationError: they are not, or are not trusted.
    """
    try:
        yield
    except exception.NotTrusted as exc:
        raise exception.ConfigurationError(
            'gpfs_ssh_known_hosts', 'the management host is not trusted',
            answer=exc.what, check=exc.check) from exc
    except exception.Unreachable as exc:
        raise exception.ConfigurationError(
            'gpfs_management_hosts', 'no management host can be reached',
            answer=f'{exc.what} {exc.answer}',
            check='gpfs_share_export_ip, gpfs_ssh_port, gpfs_ssh_login and '
            'firewalls') from exc


def _check_nodes(gpfs: client.GpfsClient) -> None:
    """Find a management host on which all is well; others may be serviced.

    :raises DriverError: there is none; what is wrong with the first one.
    """
    failures: list[exception.DriverError] = []
    for host in gpfs.execute.hosts:
        try:
            _check_node(gpfs, host)
        except exception.DriverError as exc:
            failures.append(exc)
            continue
        gpfs.execute.prefer(host)
        for failure in failures:
            LOG.warning('A host of gpfs_management_hosts cannot be used, so '
                        '%s is: %s', host, failure)
        return
    # One that answers says more than one that does not.
    raise next((failure for failure in failures if not isinstance(
        failure, exception.TransportError)), failures[0])


def _check_node(gpfs: client.GpfsClient, host: str) -> None:
    """GPFS runs on a host, and the base is a directory in it."""
    make, base = gpfs.make, gpfs.cluster.settings.base
    questions = [make.ask('mmgetstate', '-Y'), make.kind(base),
                 make.ask('mmlsattr', base),
                 make.look('rsync', '--version', root=False)]
    state, kind, attributes, copier = gpfs.execute.ask_one(host, questions)
    _check_runs(gpfs, questions[0], state)
    wrong = errors.failure(questions[0], state)
    if wrong is not None:
        raise exception.BackendError(
            'The state of GPFS is not known', answer=wrong.answer,
            check='that mmstartup was run on the management host')
    found = [row.get('state', '') for row in listing.rows(
        state.stdout, 'mmgetstate')]
    if found != ['active']:
        raise exception.BackendError(
            f'GPFS is not active on the management host but '
            f'{", ".join(found) or "unknown"}', check='mmgetstate')
    if kind.status or kind.stdout.strip() != 'directory':
        raise exception.ConfigurationError(
            'gpfs_mount_point_base', f'{base} is not a directory',
            answer=questions[1].excerpt(kind.stderr or kind.stdout))
    if errors.failure(questions[2], attributes) is not None:
        raise exception.ConfigurationError(
            'gpfs_mount_point_base', f'{base} is not in a GPFS file system',
            answer=questions[2].excerpt(attributes.stderr
                                        or attributes.stdout))
    gpfs.cluster.copies = copier.status == 0
    if not gpfs.cluster.copies:
        LOG.warning('No shares will be made from snapshots: rsync cannot be '
                    'run on the management host: %s',
                    questions[3].excerpt(copier.stderr or copier.stdout))


def _check_runs(gpfs: client.GpfsClient, cmd: command.Command,
                result: command.Result) -> None:
    """GPFS commands are there, and we are root."""
    text, local = result.stderr, gpfs.cluster.settings.local
    if result.status == 0:
        return
    if verdict.refused(result) or 'rootwrap' in text.lower() and local:
        raise exception.ConfigurationError(
            'is_gpfs_node' if local else 'gpfs_ssh_use_sudo',
            f'{cmd} may not be run as root', answer=cmd.excerpt(text),
            check='rootwrap filters, and exec_dirs in rootwrap.conf' if local
            else 'sudoers of the management host')
    if result.status == _NOT_FOUND:
        raise exception.ConfigurationError(
            'gpfs_command_directory', f'{cmd} was not found',
            answer=cmd.excerpt(text), check='is_gpfs_node')


def _check_filesystem(gpfs: client.GpfsClient) -> None:
    """Quotas of filesets count, for users and, if need be, for root."""
    gpfs.cluster.forget()
    found = gpfs.cluster.filesystem
    if not found.quotas:
        raise exception.ConfigurationError(
            'gpfs_filesystem', f'quotas of filesets are not enforced in '
            f'{found.device}', check=f'mmchfs {found.device} -Q yes')
    if not found.shows_quota:
        LOG.warning('Clients see the whole of %s instead of the size of '
                    'their share: mmchfs %s --filesetdf', found.device,
                    found.device)
    # What is listed now need not be asked with each share.
    asked = gpfs.make.ask('mmlsconfig', 'enforceFilesetQuotaOnRoot', '-Y')
    result = gpfs.list_with(asked)
    try:
        values = [row.get('value', '').lower() for row in listing.rows(
            result.stdout, 'mmlsconfig')]
    except exception.BackendError:
        values = [result.stdout.split()[-1].lower()
                  if result.stdout.split() else '']
    if 'yes' not in values:
        LOG.warning('Quotas do not bind root: a client that is root in its '
                    'share can fill the file system. Check: mmchconfig '
                    'enforceFilesetQuotaOnRoot=yes')
