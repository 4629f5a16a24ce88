"""A training that takes a second, for the tests of everything that trains."""

import torch
from torch import nn

import stn_lesson as stn
from stn_lesson.datasets import Dataset, Split

QUICK_SETTINGS = dict(epochs=3, batch_size=32, learning_rate=2e-3, seed=5, device="cpu")


def small_data():
    digits = stn.load_digits()
    train = Split(digits.train.images[:128], digits.train.labels[:128])
    test = Split(digits.test.images[:64], digits.test.labels[:64])
    return stn.clutter(Dataset("few digits", train, test), size=40, pieces=2)


def small_model(seed=0):
    torch.manual_seed(seed)
    model = stn.RecipeSTN(size=40)
    model.classifier.insert(7, nn.Dropout(0.2))  # so that a run needs random numbers too
    return model


def weights(model):
    return torch.cat([p.detach().flatten() for p in model.state_dict().values()])
