"""Live pictures: what a hand moves, the browser draws at once."""

from stn_lesson.widgets.alignment import Alignment
from stn_lesson.widgets.family_explorer import FamilyExplorer
from stn_lesson.widgets.flight_recorder import FlightRecorder
from stn_lesson.widgets.fool_the_network import FoolTheNetwork
from stn_lesson.widgets.grid_explorer import GridExplorer
from stn_lesson.widgets.pixel_inspector import PixelInspector
from stn_lesson.widgets.solid_explorer import SolidExplorer
from stn_lesson.widgets.training_monitor import TrainingMonitor
from stn_lesson.widgets.warp_explorer import CHOICES, WarpExplorer

__all__ = [
    "CHOICES",
    "Alignment",
    "FamilyExplorer",
    "FlightRecorder",
    "FoolTheNetwork",
    "GridExplorer",
    "PixelInspector",
    "SolidExplorer",
    "TrainingMonitor",
    "WarpExplorer",
]
