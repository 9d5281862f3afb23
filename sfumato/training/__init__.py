"""The training loop and what it needs; it knows no task. Runs on the newest Python and PyTorch only."""

from .alignment import Aligned, Alignment, LearnedAlignment
from .alignment_options import AlignedLoop, AlignedOptions
from .clock import ENDLESS
from .ema import EMA
from .loop import Draw, LoopOptions, Loss, Progress, Trainer
from .muon import Muon, orthogonalized
from .options import TrainingOptions
from .processes import company, in_turn, wait_for_all
from .record import resume, run_recorded
from .setup import make_optimizers, start
from .together import Together
from .work import Work, pace_of, run

__all__ = [
    "EMA",
    "ENDLESS",
    "Aligned",
    "AlignedLoop",
    "AlignedOptions",
    "Alignment",
    "Draw",
    "LearnedAlignment",
    "LoopOptions",
    "Loss",
    "Muon",
    "Progress",
    "Together",
    "Trainer",
    "TrainingOptions",
    "Work",
    "company",
    "in_turn",
    "make_optimizers",
    "orthogonalized",
    "pace_of",
    "resume",
    "run",
    "run_recorded",
    "start",
    "wait_for_all",
]
