# SPDX-License-Identifier: Apache-2.0

"""Scripts and planners with one fault each are caught by the other tests."""

import dataclasses

import pytest

from manila_drivers import exception
from manila_drivers.generic import guest_access
from manila_drivers.generic import guest_fstab
from manila_drivers.generic import guest_planning
from manila_drivers.generic import guest_records
from manila_drivers.generic import guest_scripts
from manila_drivers.testing.simulators.guest import disk
from tests.unit.generic import guest_world
from tests.unit.generic import test_guest_access
from tests.unit.generic import test_guest_failing as failing
from tests.unit.generic import test_guest_serving as serving
from tests.unit.generic import test_guest_sizes as sizes

_OTHER = disk.FileSystem('ext4', guest_world.ident('other'), disk.GIB)


def _house():
    return guest_world.House()


#: Script, what is in it, what is there instead, and the test that sees it.
SCRIPTS = [
    # Formats whatever is there.
    ('FORMAT', 'if [ "$status" -eq 2 ]; then', 'if true; then',
     lambda: serving.test_what_came_to_hold_something_is_not_formatted(
         _house())),
    # Believes that what cannot be read is empty.
    ('FORMAT', 'read_ends "$dev" || exit 24', ':', lambda: serving.
     test_what_cannot_be_read_any_more_is_not_formatted(
         _house(), (0, disk.GIB))),
    ('DISKS', 'read_ends "$name" || status=24', ':', lambda: serving.
     test_what_cannot_be_read_is_not_formatted(
         _house(), dataclasses.replace(_OTHER), (1024, 1536))),
    # Believes the name of a disk.
    ('FORMAT', 'here "$dev" "$serial"', ':',
     lambda: serving.test_a_name_that_became_another_disks_is_not_touched(
         _house())),
    ('MOUNT', 'chmod "$6" "$3"', ':',
     lambda: serving.test_a_share_is_made_once('virtio', 'ext4')),
    # Does not wait for the disk.
    ('GROW', 'until size=$(blockdev --getsize64 "$1"); [ "$size" -gt "$7" ]',
     'until size=$(blockdev --getsize64 "$1"); true',
     lambda: serving.test_a_share_grows_while_it_is_used(_house(), 'ext4')),
    ('REIDENTIFY', '    shrunk "$1"', '    : "$1"',
     lambda: sizes.test_a_copy_is_no_larger_than_its_share(_house(), 1, 1)),
    ('REIDENTIFY', '|| exit 33', '|| :',
     lambda: sizes.test_a_copy_that_cannot_shrink_is_not_mounted(_house())),
    # Believes that all went well.
    ('GROW', '[ "$after" -gt "$1" ] || exit 32', ':',
     lambda: sizes.test_growth_that_falls_short_is_told(
         _house(), 'ext4', 'resize2fs', 0)),
    ('GROW', 'xfs_growfs -D $(( want / block ))', 'xfs_growfs',
     lambda: sizes.test_a_file_system_grows_to_the_size_of_its_share(
         _house(), 'xfs')),
    ('GROW', "printf '1\\n' >\"$rescan\" || :", ':',
     serving.test_a_disk_that_has_to_be_looked_at_again),
    # A check that mends is taken for a failure.
    ('SHRINK', '|| [ $? -eq 1 ] || exit 27', '|| exit 27',
     lambda: serving.test_a_check_that_mends_is_no_failure(_house())),
    ('SHRINK', 'trap ended EXIT', ':',
     lambda: serving.test_a_share_that_is_in_use_comes_back(_house())),
    ('SHRINK', 'here "$dev" "$disk" && ', '', lambda: serving.
     test_another_disk_of_its_name_is_not_brought_back(_house())),
    ('SHRINK', 'turn "$late" "$opening" || exit 28', ':',
     lambda: serving.test_a_share_shrinks_and_comes_back(_house())),
    ('SHRINK', 'turn "$soon" "$closing"', ':',
     lambda: serving.test_a_share_shrinks_and_comes_back(_house())),
    ('SHRINK', "*'smaller than minimum'*) exit 21 ;;", '',
     lambda: serving.test_what_only_resize2fs_knows(_house())),
    ('SHRINK', '-le "$2" ] || exit 21', '-le "$2" ] || :',
     lambda: serving.test_a_share_that_is_estimated_to_be_too_full(
         _house())),
    ('SUSPEND', 'turn "$soon" "$closing"', ':',
     lambda: serving.test_offline_and_back(_house())),
    ('UNMOUNT', 'umount -l "$1" && continue', 'false',
     lambda: serving.test_the_end_of_what_is_gone_already(_house())),
    ('UNMOUNT', 'printf \'%s\\n\' "$1" >/proc/fs/nfsd/unlock_filesystem || :',
     ':', lambda: serving.test_the_end_leaves_nothing(_house())),
    ('UNMOUNT', '        expired "$3"\n', '', lambda: serving.
     test_a_client_that_went_away_with_a_file_open(_house())),
    ('UNMOUNT', '*"$here"*)', '*)', lambda: serving.
     test_a_client_that_went_away_with_a_file_open(_house())),
    # Finds lines by what they contain.
    ('FSTAB', '[ "${2-}" = "$path" ]', '[ "${2-}" != / ]',
     lambda: _two_shares()),
    ('FSTAB', 'sync "$new"', ':',
     lambda: serving.test_power_that_fails_takes_no_line_away(_house())),
    ('FSTAB', '    silenced\n', '    :\n',
     lambda: serving.test_the_end_on_a_full_disk(_house())),
    ('FSTAB', 'seek="$at"', 'seek=0',
     lambda: serving.test_the_end_on_a_full_disk(_house())),
    ('FSTAB', '[ -z "$line" ] || exit 1', ':',
     lambda: serving.test_the_end_on_a_full_disk(_house())),
    ('FSTAB', '|| return 1\n    done', '|| :\n    done',
     lambda: serving.test_the_end_on_a_full_disk(_house())),
    ('EXPORTS', 'mv -f -T "$new" "$file"', ':',
     test_guest_access.test_a_share_of_upstreams_driver_is_taken_over),
    ('EXPORTS', '    "$one"|', '    /*|"$one"|',
     test_guest_access.test_another_share_of_upstreams_keeps_its_lines),
    # Takes a line that goes on for two.
    ('EXPORTS', 'continue ;; esac', ':;; esac', lambda: test_guest_access.
     test_a_line_that_goes_on_is_taken_over_whole(
         test_guest_access._CONTINUED[0])),
    ('EXPORTS', '[ -z "$lines" ] || ended', ': || ended',
     lambda: _a_file_that_ends_in_a_backslash()),
    ('FREEZE', 'served "$2" "$3"', ':',
     lambda: serving.test_the_vm_itself_is_never_frozen(_house())),
    ('FREEZE', 'if [ "$now" = "$token" ]; then', 'if true; then',
     lambda: serving.
     test_an_earlier_watchdog_does_not_thaw_a_later_freeze(_house())),
    ('FREEZE', 'fsfreeze -u "$path" ||', ': ||',
     lambda: serving.test_a_frozen_share_goes_on_by_itself(_house())),
    ('REIDENTIFY', 'mended "$1" "$3" -fp', ':',
     lambda: serving.test_a_clone_gets_a_name_of_its_own(_house(), 'ext4')),
    ('REIDENTIFY', 'case $table in *" $number "*) exit 22 ;; esac', ':',
     lambda: _renamed_under_a_mount()),
    # Takes a program that fails for one that says no.
    ('UNMOUNT', '1) return 0 ;; *) return "$there" ;;', '*) return 0 ;;',
     lambda: failing.test_whichever_program_fails('release')),
    ('MOUNT', 'all=$(mounts "$4") || exit $?', 'all=$(mounts "$4") || :',
     lambda: failing.test_another_disk_is_seen_or_nothing_is_done(_house())),
    ('THAW', 'if fsfreeze -u "$1" && [ -e "$2" ]; then\n    rm -f "$2"',
     'rm -f "$2"\nif fsfreeze -u "$1"; then\n    :',
     lambda: failing.test_writes_go_on_whatever_fails(_house(), 'fsfreeze')),
    ('FREEZE', '|| now=$token', '|| exit 1',
     lambda: failing.test_writes_go_on_whatever_fails(_house(), 'cat')),
    ('DISKS', '[ "$size" -gt "$3" ]', '[ "$size" -gt 0 ]',
     lambda: _waited_for_its_size())]


def _two_shares():
    house = _house()
    house.made(1)
    house.made(2)
    assert house.look().fstab('/shares/share-1') is not None


def _a_file_that_ends_in_a_backslash():
    house = _house()
    house.made(1)
    house.vm.system.tree.text['/etc/exports'] = (
        '/shares/share-1 *(rw)\n/shares/share-2 *(rw) \\\n')
    house.vm.execute(guest_scripts.run(
        'exports', guest_scripts.EXPORTS, *3 * ['/shares/share-1'],
        '/etc/exports').words())
    assert house.vm.system.tree.text['/etc/exports'] == (
        '/shares/share-2 *(rw) \\\n')


def _renamed_under_a_mount():
    house = _house()
    house.made(1)
    house.devices[2] = house.devices[1].copy(guest_world.ident('volume 2'))
    house.vm.plug(house.devices[2])
    served = house.served(2)
    facts = house.look(served)
    house.do(guest_planning.serve, served)
    with pytest.raises(exception.Busy):
        house.guest.run(guest_planning.reidentify(facts, served))


def _waited_for_its_size():
    """A disk that was attached before its volume was extended."""
    house = _house()
    house.volume(1, 1)
    house.clock.sleep(10)
    house.devices[1].resize(3)
    house.vm.resized(house.devices[1].id)
    served = house.served(1)
    assert house.look(served).disk(served.disk.volume_id).size == 3 * disk.GIB


@pytest.mark.turns
@pytest.mark.parametrize(('name', 'text', 'instead', 'check'), [
    pytest.param(*each, id=f'{each[0]}-{number}')
    for number, each in enumerate(SCRIPTS)])
def test_broken_scripts_are_caught(monkeypatch, name, text, instead, check):
    script = getattr(guest_scripts, name)
    assert text in script
    check()
    monkeypatch.setattr(guest_scripts, name, script.replace(text, instead))
    with pytest.raises((AssertionError, exception.DriverError, OSError,
                        pytest.fail.Exception)):
        check()


def _always_formats(monkeypatch):
    monkeypatch.setattr(guest_records.FoundDisk, 'empty', True)
    serving.test_what_holds_something_is_not_formatted(
        _house(), dataclasses.replace(_OTHER))


def _believes_mounts(monkeypatch):
    monkeypatch.setattr(guest_records.GuestFacts, 'serves',
                        lambda self, served: self.mount(served.path)
                        is not None)
    serving.test_a_mount_whose_disk_is_gone_is_not_believed(_house())


def _waits_at_boot(monkeypatch):
    monkeypatch.setattr(guest_fstab, '_OPTIONS', 'defaults')
    serving.test_a_boot_without_the_disk_comes_up_and_exports_nothing(
        _house())


def _exports_what_is_below(monkeypatch):
    monkeypatch.setattr(guest_access, 'mounted_only', lambda export: export)
    serving.test_a_boot_without_the_disk_comes_up_and_exports_nothing(
        _house())


def _any_serial(monkeypatch):
    monkeypatch.setattr(guest_records, 'is_serial',
                        lambda serial, volume_id: bool(serial))
    serving.test_every_order_of_disks_finds_the_right_one(3)


def _forgets_the_line(monkeypatch):
    monkeypatch.setattr(guest_fstab, 'removed', lambda facts, served: [])
    serving.test_the_end_leaves_nothing(_house())


def _mounts_by_uuid(monkeypatch):
    monkeypatch.setattr(guest_fstab, 'by_serial', lambda disk: '')
    serving.test_a_boot_never_serves_a_clone_as_its_parent('virtio', 'ext4',
                                                           1)


def _leaves_lines_by_uuid(monkeypatch):
    monkeypatch.setattr(guest_fstab, 'lasts', lambda facts, path: True)
    serving.test_a_line_by_uuid_is_rewritten_without_unmounting(
        'scsi', 'rw,relatime 0 0')


def _keeps_exports(monkeypatch):
    monkeypatch.setattr(guest_access, 'removed', lambda facts, served: [])
    serving.test_the_end_leaves_nothing(_house())


@pytest.mark.parametrize('broken', [
    _always_formats, _believes_mounts, _waits_at_boot, _any_serial,
    _exports_what_is_below, _forgets_the_line, _keeps_exports,
    _mounts_by_uuid, _leaves_lines_by_uuid])
def test_broken_planners_are_caught(monkeypatch, broken):
    with pytest.raises((AssertionError, exception.DriverError, OSError,
                        pytest.fail.Exception)):
        broken(monkeypatch)
