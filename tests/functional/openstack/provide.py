# SPDX-License-Identifier: Apache-2.0

"""Parts that the cloud is made of, installed once and kept between runs."""

from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Sequence
import contextlib
import hashlib
import os
import pathlib
import shutil
import subprocess
import sys
import sysconfig

from tests.functional.lab import box
from tests.functional.lab import kept
from tests.functional.openstack.room import Failed
from tools.ci import prepare
from tools.ci import quicker
from tools.service_image import building
from tools.service_image import debian
from tools.service_image import recipe

ROOT = pathlib.Path(__file__).parents[3]
HERE = pathlib.Path(__file__).parent

#: Release 2026.2.  All that they need, as it was seen to work together, is in
#: constraints.txt: a new list is for environments that are made after it.
SERVICES = (
    'keystone==30.0.0', 'openstack-placement==16.0.0', 'glance==33.0.0',
    'nova==34.0.0', 'neutron==29.0.0', 'cinder==29.0.0', 'manila==23.0.1',
    'PyMySQL', 'uwsgi', 'python-memcached')

#: Profile of bindep.txt, and programs of its packages.
PROFILE = 'openstack'
PROGRAMS = (
    'mariadbd', 'ovs-vswitchd', 'dnsmasq', 'dhcp_release', 'haproxy',
    'iptables', 'conntrack', 'arping', 'libvirtd', 'virsh',
    'qemu-system-x86_64',
    'ceph-mon', 'ceph-osd', 'ceph-mgr', 'ceph', 'nfs-cat', 'smbclient',
    'mmdebstrap', 'ssh', 'nsenter', 'ip', 'ss', 'gcc', 'pkg-config')
RABBIT = pathlib.Path('/usr/lib/rabbitmq/bin/rabbitmq-server')

#: Seconds for the environment of the services, with a slow network.
INSTALL = 1500.0

Tell = Callable[[str], None]

_POLICY = pathlib.Path('/usr/sbin/policy-rc.d')
_DENY = '#!/bin/sh\n# Left by tests that were killed meanwhile.\nexit 101\n'


def missing() -> list[str]:
    """Return what this machine lacks."""
    if os.geteuid():
        return ['root']
    path = f'{os.environ.get("PATH", "")}:/usr/sbin:/sbin'
    found = [name for name in PROGRAMS if not shutil.which(name, path=path)]
    return found + [str(each) for each in (RABBIT, *bindings(), pathlib.Path(
        '/dev/net/tun')) if not each.exists()]


def packages(tell: Tell) -> None:
    """Install what is missing from Debian, and start none of its daemons.

    :raises Failed: it cannot be had
    """
    wanted = prepare.packages((ROOT / 'bindep.txt').read_text(), (PROFILE,))
    lacking = [each for each in wanted if not prepare.installed(each)]
    if lacking:
        tell(f'installing {len(lacking)} packages')
        with nothing_started():
            try:
                prepare.apt('update')
                prepare.apt('install', '--no-install-recommends', *lacking)
            except prepare.Failed as failure:
                raise Failed(str(failure)) from failure


@contextlib.contextmanager
def nothing_started() -> Iterator[None]:
    """Have Debian start no daemon of what is installed meanwhile.

    ``policy-rc.d`` is how an administrator says so; one that is there stays
    as it is and decides.
    """

    ours = not _POLICY.exists() or _POLICY.read_text() == _DENY
    if ours:
        _POLICY.write_text(_DENY)
        _POLICY.chmod(0o755)
    try:
        yield
    finally:
        if ours:
            _POLICY.unlink(missing_ok=True)


def bindings() -> list[pathlib.Path]:
    """Return Ceph's libraries for the Python that Debian has."""
    suffix = sysconfig.get_config_var('EXT_SUFFIX')
    return [pathlib.Path('/usr/lib/python3/dist-packages') / f'{name}{suffix}'
            for name in ('rados', 'rbd')]


def _libvirt() -> str:
    """Return the version of libvirt, which its binding has to have, too."""
    return subprocess.run(
        ['pkg-config', '--modversion', 'libvirt'], check=True, text=True,
        capture_output=True, timeout=60).stdout.strip()


def _wanted() -> list[str]:
    return [*SERVICES, f'libvirt-python=={_libvirt()}']


def environment(tell: Tell) -> pathlib.Path:
    """Return the virtual environment of all services."""
    def make(place: pathlib.Path) -> None:
        tell('installing the services: some minutes')
        _run(sys.executable, '-m', 'venv', str(place))
        what = ('-q', '-c', str(HERE / 'constraints.txt'), *_wanted())
        if not _quickly(place, what):
            _run(str(place / 'bin' / 'pip'), 'install', *what)
        [target] = place.glob('lib/python3*/site-packages')
        for each in bindings():
            (target / each.name).symlink_to(each)

    return kept.directory('openstack', digest(_wanted(), sys.version), make)


def _quickly(place: pathlib.Path, what: Sequence[str]) -> bool:
    """Install it with uv, where `.ci/run` has found that; tell if it did."""
    uv = quicker.program()
    if uv is None:
        return False
    try:
        told = quicker.variables(_run(
            str(place / 'bin' / 'pip'), 'config', 'list'))
        _run(str(uv), 'pip', 'install', '--python',
             str(place / 'bin' / 'python'), *what, **told)
    except Failed:
        return False
    return True


def service_image(tell: Tell) -> pathlib.Path:
    """Return the directory with the files of the service image."""
    def make(place: pathlib.Path) -> None:
        tell('building the service image: some minutes')
        # Ends with this process, however that ends, and its mounts with it.
        with box.Box('image', namespaces=box.OWN_FILES) as inside:
            inside.run('env', f'PYTHONPATH={ROOT}', sys.executable, '-m',
                       'tools.service_image', str(place),
                       seconds=2 * kept.SECONDS)

    texts = [pathlib.Path(each).read_text()
             for each in (building.__file__, debian.__file__)]
    return kept.directory('service', recipe.Recipe().key(
        *texts, debian.source().release), make)


def digest(*parts: object) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]


def _run(*words: str, **variables: str) -> str:
    done = subprocess.run(
        words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, errors='replace', check=False,
        timeout=INSTALL, env=os.environ | variables)
    if done.returncode:
        raise Failed(f'{" ".join(words)} ended with {done.returncode}: '
                     f'{done.stdout[-3000:]}')
    return done.stdout
