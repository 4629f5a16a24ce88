"""All experiments by name: what `python -m stn_lesson run` runs, each with options of its own."""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from inspect import signature
from pathlib import Path

from stn_lesson.experiments.birds import run_birds
from stn_lesson.experiments.clinic import run_clinic
from stn_lesson.experiments.colocalisation import SCENE_KINDS, run_colocalise
from stn_lesson.experiments.contest import run_contests
from stn_lesson.experiments.cub import run_birds_cub
from stn_lesson.experiments.numbers import run_numbers
from stn_lesson.experiments.paper import TABLE_COLUMNS, TABLE_ROWS, run_cell
from stn_lesson.experiments.pretraining import PRETRAINED, run_pretraining
from stn_lesson.experiments.recipe import run_recipe
from stn_lesson.experiments.runs import DEFAULT_PRECISION
from stn_lesson.experiments.solids import run_solids
from stn_lesson.experiments.svhn import run_svhn
from stn_lesson.experiments.two_digits import TWO_DIGITS_NETWORKS, run_two_digits


class OptionError(ValueError):
    """An experiment is asked for what it does not have."""


def run_experiment(name: str, **options) -> Iterator[Path]:
    """Run all cells of an experiment that the options leave open; yield each record's file.

    Args:
        name: one of `EXPERIMENTS`.
        options: of that experiment, as `options_of` names them.

    Raises:
        OptionError: it does not take such an option, or has nothing of that name.
    """
    check_options(name, options, options_of(name))
    yield from EXPERIMENTS[name](**options)


def check_options(name: str, given: Iterable[str], known: list[str]) -> None:
    """Raise an OptionError that says which options there are for one that is not among them."""
    if unknown := [option for option in given if option not in known]:
        takes = ", ".join(f"--{option}" for option in known) or "no options"
        raise OptionError(f"{name} takes {takes}; got --{unknown[0]}")


def options_of(name: str) -> list[str]:
    """The options that an experiment takes.

    >>> options_of("contest")
    ['data', 'size', 'network', 'seeds']
    """
    return list(signature(EXPERIMENTS[name]).parameters)


def _run_recipe(
    data: str = "digits",
    network: str = "recipe_stn",
    seeds: int = 1,
    epochs: int | None = None,
    precision: str | None = None,
) -> Iterator[Path]:
    given = {"epochs": epochs, "precision": precision}
    yield run_recipe(data, network, seeds, **{k: v for k, v in given.items() if v is not None})


def _run_two_digits(
    data: str = "digits", network: str | None = None, seeds: int = 1, epochs: int | None = None
) -> Iterator[Path]:
    for name in _chosen("two_digits", "network", network, TWO_DIGITS_NETWORKS):
        yield run_two_digits(name, data, seeds, epochs)


def _run_colocalise(
    data: str = "digits", distortion: str | None = None, encoder: str = "windows", seeds: int = 1
) -> Iterator[Path]:
    for kind in _chosen("colocalise", "distortion", distortion, SCENE_KINDS):
        yield run_colocalise(data, kind, seeds, encoder_kind=encoder)


def _chosen(experiment: str, option: str, value: str | None, names) -> list[str]:
    """The one that is asked for, or all of the names."""
    if value not in (None, *names):
        raise OptionError(f"{experiment} takes --{option} {', '.join(names)}; got {value}")
    return [value] if value else list(names)


def _run_table(
    table: str,
    /,
    distortion: str | None = None,
    network: str | None = None,
    family: str | None = None,
    *,
    data: str = "digits",
    seeds: int = 1,
    schedule: str = "short",
    precision: str = DEFAULT_PRECISION,
    epochs: int | None = None,
) -> Iterator[Path]:
    chosen = {"distortion": distortion, "network": network, "family": family}
    cells = [
        (column, *row)
        for column in TABLE_COLUMNS[table]
        for row in TABLE_ROWS[table]
        if all(
            value in (None, own) for value, own in zip(chosen.values(), (column, *row), strict=True)
        )
    ]
    if not cells:
        given = " ".join(f"--{name} {value}" for name, value in chosen.items() if value)
        raise OptionError(f"{table} has no cell for {given}")
    how = dict(data=data, seeds=seeds, schedule=schedule, precision=precision, epochs=epochs)
    for cell in cells:
        yield run_cell(table, *cell, **how)


def _run_pretraining(name: str, /) -> Iterator[Path]:
    yield run_pretraining(name)


EXPERIMENTS: dict[str, Callable[..., Iterator[Path]]] = {
    "recipe": _run_recipe,
    **{name: partial(_run_pretraining, name) for name in PRETRAINED},
    **{table: partial(_run_table, table) for table in TABLE_ROWS},
    "two_digits": _run_two_digits,
    "colocalise": _run_colocalise,
    "contest": run_contests,
    "numbers": run_numbers,
    "svhn": run_svhn,
    "birds": run_birds,
    "birds_cub": run_birds_cub,
    "solids": run_solids,
    "clinic": run_clinic,
}
