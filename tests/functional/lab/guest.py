# SPDX-License-Identifier: Apache-2.0

"""Virtual machines that the tests start, plug disks into and reboot."""

import contextlib
import pathlib
import subprocess
import threading
import time
import typing as ty

from tests import patience
from tests.functional.lab import box
from tests.functional.lab import image
from tests.functional.lab import network
from tests.functional.lab import qmp
from tests.functional.lab import shell

BOOT_SECONDS = 240.0

#: Emulated commands are slow, the more so beside others.
SECONDS = 240.0


class Guest:
    """A machine in software emulation, on the lab's network.

    Commands are run in it over SSH, from the network's first host.

    :param directory: for its files; any box of the lab must see it
    :param units: of its system, to be started whenever it boots
    """

    def __init__(self, net: network.Network, name: str, system: image.Image,
                 directory: pathlib.Path, memory: int = 768,
                 units: ty.Sequence[str] = ()) -> None:
        self.name = name
        self.address = net.ipv4(name)
        self.system = system
        self._room = net.room
        self._net = net
        self._directory = directory / name
        self._directory.mkdir(parents=True)
        self._memory = memory
        self._units = units
        self._process: subprocess.Popen[str] | None = None
        self._qmp: qmp.Qmp | None = None
        # Those that nobody uses right now.
        self._shells: list[shell.Shell] = []
        self._lock = threading.Lock()

    @property
    def known_hosts(self) -> pathlib.Path:
        """A file by which a client recognises this guest."""
        return self._directory / 'known_hosts'

    def start(self) -> None:
        """Start the machine; :meth:`wait` says when it can be used."""
        disk = self._directory / 'system.qcow2'
        subprocess.run(
            ['qemu-img', 'create', '-q', '-f', 'qcow2', '-F', 'raw',
             '-b', str(self.system.disk), str(disk)], check=True,
            timeout=box.SECONDS)
        kind, key = self.system.host_key.split()[:2]
        self.known_hosts.write_text(f'{self.address} {kind} {key}\n')
        with (self._directory / 'console').open('w') as console:
            self._process = self._room.popen(
                self._machine(disk), stdin=subprocess.DEVNULL,
                stdout=console, stderr=console)

    def wait(self, seconds: float = BOOT_SECONDS) -> None:
        """Wait until it lets us in."""
        end = time.monotonic() + patience.seconds(seconds)
        while not self._answers():
            assert self._process and self._process.poll() is None, (
                f'guest {self.name} ended: {self.console()}')
            assert time.monotonic() < end, (
                f'guest {self.name} is not up: {self.console()}')
            time.sleep(0.5)

    def _answers(self) -> bool:
        try:
            return not self.run('true', check=False,
                                seconds=box.SECONDS).returncode
        except subprocess.TimeoutExpired:
            return False

    def run(self, *words: str, stdin: str = '', check: bool = True,
            seconds: float = SECONDS
            ) -> 'subprocess.CompletedProcess[str]':
        """Run a command to its end; see :meth:`box.Box.run`."""
        with self._lock:
            inside = self._shells.pop() if self._shells else None
        if inside is None:
            inside = shell.Shell(self._room.popen(
                ['ssh', *self._ssh(), f'root@{self.address}', 'sh'],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL))
        result = inside.run(words, stdin, seconds)
        if inside.alive:
            with self._lock:
                self._shells.append(inside)
        if check and result.returncode:
            raise box.CommandFailed(words, result)
        return result

    def shell(self, script: str, *arguments: str,
              **options: ty.Any) -> 'subprocess.CompletedProcess[str]':
        return self.run('sh', '-euc', script, self.name, *arguments,
                        **options)

    def write(self, path: str | pathlib.PurePath, text: str) -> None:
        self.shell('mkdir -p "${1%/*}"; cat > "$1"', str(path), stdin=text)

    def plug(self, serial: str, size: int) -> str:
        """Plug in a new disk of so many bytes, as a cloud does.

        :returns: the path that the guest has it under
        """
        file = self._directory / f'{serial}.disk'
        with file.open('wb') as content:
            content.truncate(size)
        machine = self._machine_protocol()
        machine.do('blockdev-add', **{
            'driver': 'raw', 'node-name': _node(serial),
            'discard': 'unmap',
            'file': {'driver': 'file', 'filename': str(file)}})
        machine.do('device_add', driver='virtio-blk-pci', id=_node(serial),
                   drive=_node(serial), serial=serial)
        # The kernel takes no more of a serial than this.
        path = f'/dev/disk/by-id/virtio-{serial[:20]}'
        self.shell('for i in $(seq 200); do [ -b "$1" ] && exit 0;'
                   ' sleep 0.1; done; exit 1', path)
        return path

    def unplug(self, serial: str) -> None:
        """Take a disk away; returns when the guest has let go of it."""
        machine = self._machine_protocol()
        machine.do('device_del', id=_node(serial))
        machine.wait_for('DEVICE_DELETED', device=_node(serial))
        machine.do('blockdev-del', **{'node-name': _node(serial)})

    def reboot(self, seconds: float = BOOT_SECONDS) -> None:
        """Restart it as an operator would, and wait for it."""
        before = self._boot()
        self.run('systemctl', 'reboot', check=False)
        self._forget()
        end = time.monotonic() + patience.seconds(seconds)
        while True:
            self.wait(seconds)
            with contextlib.suppress(box.CommandFailed):
                if self._boot() != before:
                    return
            assert time.monotonic() < end, f'{self.name} did not reboot'
            time.sleep(0.5)

    def crash(self) -> None:
        """Pull the plug and put it in again, without waiting."""
        self._machine_protocol().do('system_reset')
        self._forget()

    def pause(self) -> None:
        """Let nothing happen in it: it does not even refuse a call."""
        self._machine_protocol().do('stop')

    def resume(self) -> None:
        self._machine_protocol().do('cont')

    def stop(self, seconds: float = 60) -> None:
        """Shut it down as an operator would."""
        self.run('systemctl', 'poweroff', check=False)
        assert self._process
        self._process.wait(seconds)
        self._hang_up()

    def kill(self) -> None:
        """End it at once; enough for whoever does not look at it again."""
        self._hang_up()
        if self._process:
            box.end(self._process)

    def console(self, characters: int = 2000) -> str:
        """The end of what it has said."""
        return (self._directory / 'console').read_text(
            errors='replace')[-characters:]

    def _machine(self, disk: pathlib.Path) -> list[str]:
        plug = self._net.tap(self.name)
        mac = f'52:54:00:00:02:{self._net.number(self.name):02x}'
        addresses = (f'{self.address}/24', f'{self._net.ipv6(self.name)}/64')
        kernel = ' '.join((
            'root=/dev/vda rw console=ttyS0 quiet mitigations=off',
            f'net.ifnames=0 systemd.hostname={self.name}',
            f'lab.address={",".join(addresses)}',
            *(f'systemd.wants={each}' for each in self._units)))
        return [
            'qemu-system-x86_64', '-machine', 'pc',
            # A second processor would cost a third more of ours.
            '-accel', 'tcg,tb-size=256', '-smp', '1',
            '-m', str(self._memory), '-display', 'none', '-serial', 'stdio',
            '-kernel', str(self.system.kernel),
            '-initrd', str(self.system.initrd), '-append', kernel,
            '-drive', f'file={disk},if=virtio,cache=unsafe',
            '-device', 'virtio-rng-pci',
            '-netdev', f'tap,id=net,ifname={plug},script=no,downscript=no',
            '-device', f'virtio-net-pci,netdev=net,mac={mac}',
            '-qmp', f'unix:{self._directory / "qmp"},server=on,wait=off']

    def _ssh(self) -> list[str]:
        options = {
            'IdentityFile': str(self.system.key),
            'IdentitiesOnly': 'yes',
            'UserKnownHostsFile': str(self.known_hosts),
            'StrictHostKeyChecking': 'yes',
            'HostKeyAlgorithms': 'ssh-ed25519',
            'LogLevel': 'ERROR',
            'BatchMode': 'yes',
            'ConnectTimeout': '5',
            # One login for all commands; in the room, whose /run is its own.
            'ControlMaster': 'auto',
            'ControlPath': f'/run/{self.name}.ssh',
            'ControlPersist': 'yes'}
        return ['-F', 'none', *(f'-o{key}={value}'
                                for key, value in options.items())]

    def _boot(self) -> str:
        return self.run('cat', '/proc/sys/kernel/random/boot_id').stdout

    def _forget(self) -> None:
        """Drop connections that the guest does not know of any more."""
        with self._lock:
            left, self._shells = self._shells, []
        for each in left:
            each.close()
        self._room.run('ssh', *self._ssh(), '-O', 'exit',
                       f'root@{self.address}', check=False)

    def _machine_protocol(self) -> qmp.Qmp:
        if not self._qmp:
            self._qmp = qmp.Qmp(str(self._directory / 'qmp'))
        return self._qmp

    def _hang_up(self) -> None:
        if self._qmp:
            self._qmp.close()
            self._qmp = None


def _node(serial: str) -> str:
    """A name as QEMU wants them: a letter first, 31 characters at most."""
    return f'd{serial}'[:31]
