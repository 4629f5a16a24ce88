"""The pages of the package: one for each part, in the notebooks' order, from its docstrings."""

import importlib
import pkgutil

PARTS = {  # page: its title, its modules or packages
    "theta": ("θ, the numbers of a transformation", ["theta", "homography", "volume"]),
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

`import stn_lesson as stn` gives the notebooks their functions. Its parts, in the order in which the
notebooks lean on them; every example is a test.

"""


def pages() -> dict[str, str]:
    """Every page in Markdown, by name."""
    made = {name: _page(title, modules) for name, (title, modules) in PARTS.items()}
    lines = [f"- [{t}]({name}.md): {_in_words(m[0])}" for name, (t, m) in PARTS.items()]
    contents = ["\n```{toctree}", ":hidden:", ":maxdepth: 1\n", *PARTS, "```\n"]
    return {"index": INTRODUCTION + "\n".join([*lines, *contents])} | made


def _in_words(name: str) -> str:
    """The first sentence of a part, without the part's name before a colon.

    >>> _in_words("widgets")
    'what a hand moves, the browser draws at once.'
    """
    first = importlib.import_module(f"stn_lesson.{name}").__doc__.split("\n\n")[0]
    words = " ".join(first.split()).split(": ", 1)[-1]
    return words[0].lower() + words[1:]


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
