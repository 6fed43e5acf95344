# SPDX-License-Identifier: Apache-2.0

"""A machine as an operator sees it, without names that change by chance."""

from manila_drivers.testing.simulators.guest import system


def of(state: system.VmSystem) -> dict[tuple[str, ...], object]:
    """Return mounts, lines, exports, sections and frozen directories."""
    found: dict[tuple[str, ...], object] = {}
    for mount in state.mounts.all:
        found['mount', mount.path] = (
            mount.slot.device.id, mount.content.uuid, mount.gone)
        if mount.slot.device.frozen and not mount.gone:
            found['frozen', mount.path] = True
    for line in state.tree.text.get('/etc/fstab', '').splitlines():
        fields = line.split()
        if len(fields) > 1 and not line.startswith('#'):
            found['fstab', fields[1]] = line
    for path, text in state.tree.text.items():
        if path.startswith('/run/manila-frozen') or (
                path.startswith('/etc/exports') and text
                and not text.startswith('#')):
            found['file', path] = text
    for entry in state.nfs.entries:
        found['export', entry.path, entry.client] = entry.options
    for name, section in state.smb.registry.items():
        found['section', name] = tuple(sorted(section.items()))
    return found
