"""Loads a program of ours as a module, whatever it is called."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

ASSETS = Path(__file__).parents[2] / "assets"


def load(name: str) -> ModuleType:
    """The program `assets/<name>.py`, not run."""
    if str(ASSETS) not in sys.path:
        sys.path.insert(0, str(ASSETS))  # programs find their modules beside them
    spec = importlib.util.spec_from_file_location(f"triplicate_{name}", ASSETS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
