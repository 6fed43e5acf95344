# SPDX-License-Identifier: Apache-2.0

"""Builds the service image of the Generic driver, on Debian, as root.

    python3 -m tools.service_image DIRECTORY

Three files come out of it: the disk, the kernel and the initrd.  The packages
are those of the Debian release that this machine runs, from where its apt
takes them; nothing else is fetched, and nothing outside DIRECTORY is changed.
The commands that hand the files to Glance are printed at the end.
"""

import argparse
import pathlib
import shlex
import sys
import time

from tools.service_image import building
from tools.service_image import debian
from tools.service_image import recipe as recipes


def commands(directory: pathlib.Path, name: str) -> list[str]:
    """Return the shell commands that upload an image.

    Kernel and initrd have names of their own, so that one image alone has
    the name that the driver looks for.
    """
    kernel, initrd, disk = (shlex.quote(str(directory / file)) for file in (
        building.KERNEL, building.INITRD, building.DISK))
    create = 'openstack image create --public -f value -c id'
    name = shlex.quote(name)
    properties = ' '.join(
        f'--property {key}="{value}"' for key, value in recipes.properties(
            '$kernel', '$initrd').items())
    words = {
        'kernel': ('aki', 'aki', kernel, f'{name}-kernel'),
        'initrd': ('ari', 'ari', initrd, f'{name}-initrd'),
        'image': ('qcow2', 'bare', disk, f'{name} {properties}')}
    return [f'{variable}=$({create} --disk-format {kind} --container-format '
            f'{container} --file {file} {rest})'
            for variable, (kind, container, file, rest) in words.items()]


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog='python3 -m tools.service_image', description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument('directory', type=pathlib.Path, metavar='DIRECTORY')
    made.add_argument('--name', default='manila-service-image',
                      help='in Glance (%(default)s)')
    made.add_argument('--user', default='manila',
                      help='who logs in, by key alone (%(default)s)')
    made.add_argument('--package', action='append', default=[],
                      help='one more of Debian; can be repeated')
    made.add_argument('--mebibytes', type=int, default=1536,
                      help='size of the disk (%(default)s)')
    made.add_argument('--release', help='of Debian, instead of this one')
    return made


def main(arguments: list[str]) -> int:
    wanted = parser().parse_args(arguments)
    begin = time.monotonic()

    def tell(text: str) -> None:
        print(f'[{time.monotonic() - begin:4.0f} s] {text}', flush=True)

    if building.root_is_needed():
        return complain('only root can do that')
    if building.missing():
        return complain('install what is missing: '
                        + ', '.join(building.missing()))
    recipe = recipes.Recipe(wanted.user, tuple(wanted.package),
                            wanted.mebibytes)
    try:
        origin = debian.source()
        if wanted.release:
            origin = origin._replace(release=wanted.release)
        built = building.build(recipe, wanted.directory.absolute(), tell,
                               origin)
    except (debian.Failed, LookupError) as error:
        return complain(str(error))
    tell('done: ' + ', '.join(f'{name} {size / 2**20:.0f} MiB'
                              for name, size in built.sizes().items()))
    print('\nTo upload it:\n')
    for line in commands(built.directory, wanted.name):
        print(line)
    return 0


def complain(text: str) -> int:
    print(f'service_image: {text}', file=sys.stderr)
    return 1


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
