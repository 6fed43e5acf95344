# SPDX-License-Identifier: Apache-2.0

"""The configuration that the drivers of a lab run with."""

from collections.abc import Callable
from collections.abc import Mapping
import functools
import pathlib
import shutil
import tempfile
import threading
from typing import Any
from typing import ClassVar
from typing import Generic
from typing import TypeVar
import weakref

from manila_drivers.standalone import configuration
from manila_drivers.standalone import private_data
from manila_drivers.testing.conformance import lab


class Site:
    """A directory with the configuration of drivers; removed with it.

    :param options: in the place of, or beside, those of the class; None
        leaves one out.
    """

    section: ClassVar[str] = ''
    values: ClassVar[Mapping[str, object]] = {}

    def __init__(self, **options: object) -> None:
        path = tempfile.mkdtemp(prefix='conformance-')
        self.path = pathlib.Path(path)
        self._tidy = weakref.finalize(self, shutil.rmtree, path, True)
        file = self.path / 'manila.conf'
        file.write_text(self._text(options), encoding='utf-8')
        self.configuration = configuration.Configuration.from_file(
            file, self.section)
        self.private_data = private_data.PrivateData(
            str(self.path / 'private.sqlite'))

    def _text(self, options: Mapping[str, object]) -> str:
        values = {'driver_handles_share_servers': False,
                  'share_backend_name': self.section,
                  **self.values, **options}
        lines = ['[DEFAULT]', f'state_path = {self.path}',
                 f'[{self.section}]']
        lines += [f'{name} = {value}' for name, value in values.items()
                  if value is not None]
        return '\n'.join(lines) + '\n'

    def close(self) -> None:
        self._tidy()


SiteT = TypeVar('SiteT', bound=Site)


class Memory:
    """Private storage that outlives drivers, not the lab.  Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.data: dict[str, dict[str, str]] = {}

    def get(self, ident: str, key: Any = None, default: Any = None) -> Any:
        with self._lock:
            pairs = dict(self.data.get(ident, {}))
        return pairs if key is None else pairs.get(key, default)

    def update(self, ident: str, details: Mapping[str, Any],
               delete_existing: bool = False) -> None:
        with self._lock:
            if delete_existing:
                self.data.pop(ident, None)
            self.data.setdefault(ident, {}).update(
                {key: str(value) for key, value in details.items()})

    def delete(self, ident: str, key: Any = None) -> None:
        with self._lock:
            if key is None:
                self.data.pop(ident, None)
                return
            for name in [key] if isinstance(key, str) else key:
                self.data.get(ident, {}).pop(name, None)


class Labs(Generic[SiteT]):
    """Makes labs that share one configuration; each has its own backend.

    Travels to other processes, where it makes a configuration anew.
    """

    def __init__(self, make_site: Callable[..., SiteT],
                 lab_class: type[lab.Lab], **options: object) -> None:
        self._make_site = make_site
        self._lab_class: Any = lab_class
        self._options = options
        self._site: SiteT | None = None

    @property
    def site(self) -> SiteT:
        """The configuration of this process."""
        if self._site is None:
            self._site = self._make_site(**self._options)
        return self._site

    def __call__(self) -> lab.Lab:
        return self._made(self._lab_class)

    def with_driver(self, driver_class: type) -> Callable[[], lab.Lab]:
        """Return a lab with another driver, such as one that is broken."""
        return functools.partial(self._made, type(
            self._lab_class.__name__, (self._lab_class,),
            {'driver_class': driver_class}))

    def _made(self, lab_class: Any) -> lab.Lab:
        made: lab.Lab = lab_class(self.site)
        return made

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, '_site': None}
