"""The registry for these tests."""

import importlib
import pkgutil

import ragscout.steps

for package in pkgutil.iter_modules(ragscout.steps.__path__):
    if package.ispkg:
        importlib.import_module(f"ragscout.steps.{package.name}")
