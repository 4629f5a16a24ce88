"""The pages of the package: one for each room, in the notebooks' order, from its docstrings."""

import importlib
import pkgutil

ROOMS = {  # page: its title, its modules or packages
    "theta": ("θ", ["theta", "homography", "volume"]),
    "grid": ("The sampling grid", ["grid", "spline", "families"]),
    "sampler": ("The sampler", ["sampler", "fused"]),
    "transformer": ("The transformer", ["transformer", "localisation"]),
    "networks": ("Networks", ["networks"]),
    "datasets": ("Data sets", ["datasets"]),
    "training": ("Training", ["training"]),
    "colocalisation": ("Co-localisation", ["colocalisation"]),
    "experiments": ("Experiments and records", ["experiments"]),
    "plots": ("Still pictures", ["plots"]),
    "widgets": ("Live pictures", ["widgets"]),
}
INTRODUCTION = """# The package

`import stn_lesson as stn` gives the notebooks their functions. A page for each room, in the order
in which the notebooks lean on them; every example is a test.

```{toctree}
"""


def pages() -> dict[str, str]:
    """Every page in Markdown, by name."""
    made = {name: _page(title, modules) for name, (title, modules) in ROOMS.items()}
    return {"index": INTRODUCTION + "\n".join(ROOMS) + "\n```\n"} | made


def _page(title: str, names: list[str]) -> str:
    sections = [_section(module) for name in names for module in _modules(f"stn_lesson.{name}")]
    return f"# {title}\n\n" + "\n".join(sections)


def _modules(name: str) -> list[str]:
    """A module itself; of a package, the modules in it."""
    module = importlib.import_module(name)
    if not hasattr(module, "__path__"):
        return [name]
    return [f"{name}.{each.name}" for each in pkgutil.iter_modules(module.__path__)]


def _section(module: str) -> str:
    name = module.removeprefix("stn_lesson.")
    return f"## `{name}`\n\n```{{eval-rst}}\n.. automodule:: {module}\n   :members:\n```\n"
