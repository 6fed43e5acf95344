# SPDX-License-Identifier: Apache-2.0

"""The simulators answer as the real servers do.

Both get the same commands, in the same order.  Exit codes, what they print
and what they then serve have to be the same.
"""

import dataclasses
import itertools
import re
import shlex

import pytest

from manila_drivers import networks
from manila_drivers.nas import exports_text
from manila_drivers.nas import ganesha_bus
from manila_drivers.nas import ganesha_exports
from manila_drivers.nas import ganesha_facts
from manila_drivers.testing.simulators import nfs
from tests.functional.nas import ganesha

pytestmark = pytest.mark.timeout(900)

FSID = 'fsid=11111111-2222-3333-4444-555555555555'
A, B = '/srv/compared-a', '/srv/compared b"#\\'

MANY = ('rw,crossmnt,nohide,insecure,no_wdelay,subtree_check,insecure_locks,'
        'no_acl,anonuid=5,anongid=6,all_squash,sec=krb5:sys,security_label,'
        f'mp,pnfs,{FSID}')

#: Commands for kernel NFS.
KERNEL = [
    ('exportfs', '-i', '-o', f'rw,{FSID}', f'10.0.0.1:{A}'),
    ('exportfs', '-i', '-o', f'ro,{FSID}', f'10.0.0.1:{A}'),
    ('exportfs', '-i', '-o', f'rw,no_root_squash,async,{FSID}',
     f'10.0.0.2:{A}', f'10.1.0.0/16:{A}', f'[2001:db8::1]:{A}',
     f'[2001:db8::]/64:{A}'),
    ('exportfs', '-i', '-o', 'rw,fsid=7', f'*:{A}', f'@group:{A}',
     f'*.example.org:{A}', f'0.0.0.0/0:{A}', f'[::]/0:{A}'),
    ('exportfs', '-i', '-o', f'ro,{FSID}', f'10.1.2.0/24:{A}'),
    ('exportfs', '-i', '-o', f'rw,{FSID}', f'10.1.2.3/32:{A}'),
    ('exportfs', '-i', '-o', MANY, f'10.0.0.1:{A}'),
    ('exportfs', '-i', '-o', f'rw,auth_nlm,{FSID}', f'10.0.0.1:{A}'),
    ('exportfs', '-i', '-o', 'rw,fsid=8', f'10.0.0.1:{B}'),
    ('exportfs', '-i', '-o', 'rw,nosuchoption', f'10.0.0.9:{A}'),
    ('exportfs', '-u', f'10.0.0.9:{A}'),
    ('exportfs', '-u', f'10.0.0.2:{A}', f'10.0.0.9:{A}',
     f'10.1.0.0/16:{A}'),
    ('exportfs', '-u', f'[2001:db8::1]:{A}', f'[2001:db8::]/64:{A}',
     f'@group:{A}', f'*:{A}'),
    ('exportfs', '-u', f'10.0.0.1:{B}'),
    ('mkdir', '-p', '--', '/etc/exports.d'),
    ('tee', '--', '/etc/exports.d/manila-x.exports.new'),
    ('mv', '-f', '-T', '--', '/etc/exports.d/manila-x.exports.new',
     '/etc/exports.d/manila-x.exports'),
    ('grep', '-rH', '--include=*.exports', '--', '', '/etc/exports.d'),
    ('exportfs', '-r'),
    ('rm', '-f', '--', '/etc/exports.d/manila-x.exports'),
    ('grep', '-rH', '--include=*.exports', '--', '', '/etc/exports.d'),
    ('cat', '--', '/etc/exports.d/manila-x.exports'),
    ('stat', '-c', '%F', '/srv'), ('stat', '-c', '%F', '/nowhere'),
    ('exportfs', '-ua')]

FILE = exports_text.write(
    exports_text.ExportEntry(path, client, ('rw', 'sync', 'no_subtree_check'))
    for path in (A, B) for client in ('10.0.0.0/8', '10.0.0.1', '*',
                                      '2001:db8::/64'))


def by_path(etab):
    """Lines of each path in their order; that of paths means nothing."""
    found = {}
    for line in etab.splitlines():
        found.setdefault(line.split('\t')[0], []).append(line)
    return found


def test_kernel_nfs(kernel):
    simulated = nfs.KernelNfs()
    simulated.files.is_directory = lambda path: path == '/srv'
    for path in A, B:
        kernel.share(path)
    kernel.guest.run('exportfs', '-ua')
    differences = []
    for words in KERNEL:
        stdin = FILE if words[0] == 'tee' else ''
        real = kernel.guest.run(*words, stdin=stdin, check=False)
        ours = simulated.execute(words, stdin)
        etab = kernel.guest.run('cat', '/var/lib/nfs/etab').stdout
        for what, one, other in (
                ('exit code', real.returncode, ours.status),
                ('output', real.stdout, ours.stdout),
                ('etab', by_path(etab),
                 by_path(simulated.files.text['/var/lib/nfs/etab']))):
            if one != other:
                differences.append((words, what, one, other))
        if (real.returncode, words[0]) == (1, 'exportfs'):
            assert real.stderr.strip() == ours.stderr.strip()
    assert differences == []


#: Entries of which two are tried in every order, and who is asked about.
ENTRIES = [('rw', '10.0.0.7'), ('ro', '10.0.0.0/28'), ('rw', '10.0.0.0/24'),
           ('ro', '0.0.0.0/0'), ('rw', '0.0.0.0/1'), ('ro', '10.0.0.7/32'),
           ('ro', '*'), ('rw', '::/0'), ('ro', '2001:db8::/64'),
           ('rw', '2001:db8::1/128')]
ASKED = ('10.0.0.7', '10.0.0.8', '10.0.1.1', '2001:db8::1', '2001:db8::2',
         '9000::1')


def kernel_lies(kernel, simulated, pairs):
    """Pairs of entries of which the simulator makes something else."""
    path = '/srv/deciding'
    kernel.share(path)
    lies = []
    for pair in pairs:
        calls = [('exportfs', '-ua'), *(
            ('exportfs', '-i', '-o', f'{level},{FSID}',
             exports_text.argument(path, name)) for level, name in pair)]
        kernel.guest.shell('; '.join(map(shlex.join, calls)))
        for words in calls:
            simulated.execute(words)
        if kernel.asked(path, *ASKED) != {
                each: simulated.access(each, path) for each in ASKED}:
            lies.append(pair)
    kernel.guest.run('exportfs', '-ua')
    return lies


def test_kernel_nfs_gives_the_same_access(kernel):
    """Which entry decides, in every order of two."""
    assert kernel_lies(kernel, nfs.KernelNfs(), itertools.permutations(
        ENTRIES, 2)) == []


def test_export_above_lets_everybody_in(kernel):
    """Which is why the driver tells of those."""
    simulated = nfs.KernelNfs()
    kernel.share('/srv/above/below')
    words = ('exportfs', '-i', '-o', f'rw,{FSID}', '*:/srv/above')
    kernel.guest.run(*words)
    simulated.execute(words)
    found = kernel.asked('/srv/above/below', *ASKED)
    kernel.guest.run('exportfs', '-ua')
    assert found == dict.fromkeys(ASKED, 'rw')
    assert found == {each: simulated.access(each, '/srv/above/below')
                     for each in ASKED}


class NarrowestDecides(nfs.KernelNfs):
    """Believe what one would like to be true."""

    def access(self, client, path):
        levels = {entry.network: entry.level for entry in self.entries
                  if entry.path == path and entry.network}
        return networks.level_for(levels, client)


def test_kernel_simulator_that_lies_is_found(kernel):
    for pair in ((('ro', '10.0.0.0/28'), ('rw', '10.0.0.0/24')),
                 (('ro', '0.0.0.0/0'), ('rw', '10.0.0.7'))):
        assert kernel_lies(kernel, NarrowestDecides(), [pair]) == [pair]


# Ganesha

DIR = ganesha.EXPORT_DIR
C = '/srv/compared'


def block(number, clients, path=C, more=''):
    return (f'EXPORT {{ Export_Id = {number}; Path = "{path}"; '
            f'Pseudo = "{path}"; Tag = "x{number}"; Access_Type = None; '
            f'Protocols = 4; Transports = TCP; SecType = sys; {more} '
            + ''.join(f'CLIENT {{ Clients = {names}; Access_Type = {level}; '
                      f'}} ' for names, level in clients)
            + 'FSAL { Name = VFS; } }\n')


def add(number):
    return f'string:{DIR}/x.conf', f'string:EXPORT(Export_Id={number})'


#: The text of the file, and a call.
GANESHA = [
    ('', 'ShowExports', ()),
    ('', 'DisplayExport', ('uint16:101',)),
    ('', 'RemoveExport', ('uint16:101',)),
    (block(101, [('10.0.0.1, 10.0.0.2', 'RW'), ('10.0.0.0/8', 'RO')]),
     'AddExport', add(101)),
    ('', 'AddExport', add(101)),
    (block(102, [('10.0.0.1', 'RW')]), 'AddExport', add(102)),
    ('', 'AddExport', add(103)),
    (block(101, [('2001:db8::5, 2001:db8::/64', 'RW'), ('::/1', 'RO'),
                 ('8000::/1', 'RO'), ('0.0.0.0/1', 'RO')]),
     'UpdateExport', add(101)),
    (block(101, [('::/0', 'RO'), ('10.0.0.1', 'RW')]), 'UpdateExport',
     add(101)),
    (block(101, [(ganesha_exports.ANYBODY, 'RO')]), 'UpdateExport', add(101)),
    (block(101, [('10.0.0.1', 'RW'), ('0.0.0.0/0', 'RO')]), 'UpdateExport',
     add(101)),
    (block(101, []), 'UpdateExport', add(101)),
    (block(101, [('10.0.0.1', 'MDONLY')]), 'UpdateExport', add(101)),
    ('EXPORT {', 'UpdateExport', add(101)),
    (block(101, [('*', 'RW')]), 'UpdateExport',
     (f'string:{DIR}/nowhere.conf', add(101)[1])),
    ('', 'RemoveExport', ('uint16:101',)),
    ('', 'RemoveExport', ('uint16:101',))]


def spoken(result, status):
    """An answer without times and numbers of messages."""
    said = re.findall(r'Error ([\w.]+)', result.stderr)
    text = re.sub(r'^method return.*\n', '', result.stdout)
    return (status, said, re.findall(r'\d+ exports \w+', text),
            'Errors found' in text)


def test_ganesha(ganeshas):
    real, simulated = ganeshas.servers['ganesha1'], nfs.Ganesha()
    real.share(C)
    differences = []
    for text, method, arguments in GANESHA:
        if text:
            real.box.write(f'{DIR}/x.conf', text)
            simulated.files.text[f'{DIR}/x.conf'] = text
        one = real.dbus(method, *arguments)
        cmd = ganesha_bus.call(method, *arguments)
        other = simulated.execute(cmd.words())
        shown = real.dbus('DisplayExport', 'uint16:101')
        ours = simulated.execute(ganesha_bus.display(101).words())
        for what, first, second in (
                ('answer', spoken(one, one.returncode),
                 spoken(other, other.status)),
                ('exports', ganesha_bus.exports(real.dbus(
                    'ShowExports').stdout),
                 ganesha_bus.exports(simulated.execute(
                     ganesha_bus.show().words()).stdout)),
                ('detail', ganesha_bus.export(shown.stdout),
                 ganesha_bus.export(ours.stdout))):
            if first != second:
                differences.append((text, method, what, first, second))
    real.box.run('rm', '-f', f'{DIR}/x.conf')
    assert differences == []


def test_ganesha_says_which_methods_it_has(ganeshas):
    answer = ganeshas.runners['ganesha1'].run(ganesha_bus.introspect())
    simulated = nfs.Ganesha().run(ganesha_bus.introspect())
    assert (ganesha_bus.methods(simulated.stdout)
            <= ganesha_bus.methods(answer.stdout))


#: CLIENT blocks of which two are tried in every order.
BLOCKS = [('10.0.0.7', 'RW'), ('10.0.0.0/24', 'RO'), ('*', 'RW'),
          ('::/1', 'RW'), ('10.0.0.7', 'None'), ('2001:db8::1', 'RO'),
          ('0.0.0.0/1', 'RO'), ('10.0.0.7/32', 'RO')]


def ganesha_lies(ganeshas, simulated, pairs):
    """Pairs of blocks of which the simulator makes something else."""
    real, net = ganeshas.servers['ganesha1'], ganeshas.place.net
    real.share(C)
    lies = []
    for pair in pairs:
        text = block(101, pair)
        real.box.write(f'{DIR}/x.conf', text)
        simulated.files.text[f'{DIR}/x.conf'] = text
        assert not real.dbus('AddExport', *add(101)).returncode
        simulated.execute(ganesha_bus.add(f'{DIR}/x.conf', 101).words())
        if ganeshas.place.crowd.gets(
                net.ipv4('ganesha1'), C, ASKED, net.ipv6('ganesha1')) != {
                    each: simulated.access(each, C) for each in ASKED}:
            lies.append(pair)
        real.dbus('RemoveExport', 'uint16:101')
        simulated.execute(ganesha_bus.remove(101).words())
    real.box.run('rm', '-f', f'{DIR}/x.conf')
    return lies


def test_ganesha_gives_the_same_access(ganeshas):
    """The first CLIENT block that matches decides, however wide."""
    assert ganesha_lies(ganeshas, nfs.Ganesha(), itertools.permutations(
        BLOCKS, 2)) == []


@pytest.mark.parametrize('versions', list(itertools.permutations(
    ('3', '4', '3, 4'), 3)))
def test_ganesha_takes_protocols_the_same(ganeshas, versions):
    """When an export is added, and twice when it is updated."""
    real, simulated = ganeshas.servers['ganesha1'], nfs.Ganesha()
    net = ganeshas.place.net
    real.share(C)
    found = []
    for number, version in enumerate(versions):
        text = block(101, [('10.0.0.7', 'RW')]).replace(
            'Protocols = 4', f'Protocols = {version}')
        call = (ganesha_bus.update if number else ganesha_bus.add)(
            f'{DIR}/x.conf', 101)
        real.box.write(f'{DIR}/x.conf', text)
        simulated.files.text[f'{DIR}/x.conf'] = text
        assert not real.box.run(*call.words(), check=False).returncode
        simulated.execute(call.words())
        found.append((ganeshas.place.crowd.gets(
            net.ipv4('ganesha1'), C, ['10.0.0.7'], net.ipv6('ganesha1')),
            {'10.0.0.7': simulated.access('10.0.0.7', C)}))
    real.dbus('RemoveExport', 'uint16:101')
    real.box.run('rm', '-f', f'{DIR}/x.conf')
    assert [one for one, _ in found] == [other for _, other in found]


class LastDecides(nfs.Ganesha):
    """Another order than the real one's."""

    def access(self, client, path):
        export, = self.exports.values()
        self.exports[export.id] = dataclasses.replace(
            export, clients=export.clients[::-1])
        found = super().access(client, path)
        self.exports[export.id] = export
        return found


def test_ganesha_simulator_that_lies_is_found(ganeshas):
    pair = ('10.0.0.7', 'RW'), ('10.0.0.0/24', 'RO')
    assert ganesha_lies(ganeshas, LastDecides(), [pair]) == [pair]


def test_index_that_names_a_missing_file_stops_both(ganeshas):
    real, simulated = ganeshas.servers['ganesha2'], nfs.Ganesha()
    index = f'{DIR}/{ganesha_facts.INDEX}'
    before = real.box.run('cat', index).stdout
    real.stop()
    real.box.write(index, f'%include {DIR}/nowhere.conf\n')
    simulated.files.text[index] = f'%include {DIR}/nowhere.conf\n'
    with pytest.raises(AssertionError):
        real.start(seconds=3)
    simulated.reboot()
    assert not simulated.running
    real.box.write(index, before)
    real.start()
