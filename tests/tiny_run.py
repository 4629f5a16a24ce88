"""A training of a twentieth of a second, to be killed, interrupted and starved many times."""

import torch
from torch import nn

import stn_lesson as stn
from stn_lesson.datasets import Dataset, Split

TINY_SETTINGS = dict(batch_size=16, learning_rate=2e-3, seed=3, device="cpu", progress_bar=False)


def tiny_data():
    digits = stn.load_digits()
    train = Split(digits.train.images[:60], digits.train.labels[:60])  # the last batch has 12
    test = Split(digits.test.images[:20], digits.test.labels[:20])
    return stn.clutter(Dataset("few digits", train, test), size=32, pieces=1)


def tiny_model(seed=0):
    torch.manual_seed(seed)
    localise = nn.Sequential(nn.AvgPool2d(4), nn.Flatten(), nn.Linear(64, 6))
    return nn.Sequential(
        stn.SpatialTransformer(localise, size=(12, 12)),
        nn.Flatten(), nn.Linear(144, 16), nn.ReLU(), nn.Dropout(0.2), nn.Linear(16, 10),
    )  # fmt: skip
