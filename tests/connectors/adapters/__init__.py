"""The connectors of the house, each before a fake of its platform, for the conformance suite: one module for each."""

import pkgutil
from importlib import import_module

from tests.connectors.conformance import Adapter

ADAPTERS: tuple[Adapter, ...] = tuple(import_module(f"{__name__}.{module.name}").ADAPTER for module in pkgutil.iter_modules(__path__))
