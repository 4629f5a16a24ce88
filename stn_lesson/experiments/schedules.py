"""How long and how fast the experiments train, with the reasons.

What a schedule leaves out is the default of `Settings`. `repeats` says how often an epoch shows
each digit: the embedded ones are few.
"""

REPEATS = {"digits": 10, "mnist": 1}  # of each digit in an epoch of cluttered scenes

RECIPE_SCHEDULES = {
    "digits": {"epochs": 14, "batch_size": 64},
    "mnist": {"epochs": 13, "batch_size": 256},
}
# What some networks are trained with instead. The embedded digits make noisier steps than MNIST's:
# a dense localisation network that learns at more than a tenth of the rate then falls silent, its
# ReLUs give 0 for every image and θ is the same for all (notebook 05).
NETWORK_SETTINGS = {("digits", "recipe_stn"): {"localisation_rate": 0.1}}
# The quickest way to the recipe's accuracy, by a `PointingSTN` with this view on MNIST: chosen on
# its validation digits.
QUICK_VIEW = 24
QUICK_SETTINGS = {"epochs": 2, "batch_size": 128, "learning_rate": 1e-2, "localisation_rate": 0.3}

# The contest at equal time: that of the pointing transformer for these epochs (`contest.py`).
CONTEST_SCHEDULES = {
    "digits": {"epochs": 10, "batch_size": 64},
    "mnist": {"epochs": 4, "batch_size": 128},
}

# The paper's experiments: (data, schedule) → settings. "sgd" asks what the schedule does: the
# paper's optimiser and rates, no weight decay, no gradient shortened, and its 150,000 steps (on
# a CPU a day). With far fewer it is no comparison: among clutter a CNN has hardly begun to learn
# after 3,000 steps at 0.01, and the rate falls after a third of them.
_SGD = {"epochs": 765, "optimiser": "sgd", "learning_rate": 0.01, "max_grad_norm": 1e9}
PAPER_SCHEDULES = {
    ("mnist", "short"): {"epochs": 10, "repeats": 1},
    ("mnist", "long"): {"epochs": 50, "repeats": 1},
    ("mnist", "sgd"): _SGD | {"repeats": 1},
    ("digits", "short"): {"epochs": 10, "repeats": 10, "batch_size": 64},
    ("digits", "long"): {"epochs": 50, "repeats": 10, "batch_size": 64},
    ("digits", "sgd"): _SGD | {"repeats": 10, "batch_size": 64},
}

TWO_DIGITS_SCHEDULES = {
    "digits": {"epochs": 12, "batch_size": 64, "learning_rate": 4e-3, "repeats": 10},
    "mnist": {"epochs": 5, "batch_size": 64, "learning_rate": 4e-3, "repeats": 1},
}

# Co-localisation: the encoder is trained, then windows are searched (`SearchSettings`) on scenes
# without clutter, with it, and with a second digit.
ENCODER_SCHEDULES = {
    "mnist": {"epochs": 2, "batch_size": 128, "learning_rate": 3e-3},
    "digits": {"epochs": 30, "batch_size": 64, "learning_rate": 3e-3},
}
SEARCH_SETTINGS = {
    "T": {"steps": 120, "learning_rate": 3e-3},
    "TC": {"steps": 240, "learning_rate": 3e-3},
    "TD": {"steps": 240, "learning_rate": 3e-3},
}

# Solid digits: about the same time for all three networks, on one thread.
SOLID_REPEATS = 4  # of each digit in an epoch
_SOLID = {"batch_size": 64, "learning_rate": 8e-3}
SOLID_SCHEDULES = {
    "solid_stn": _SOLID | {"epochs": 14},
    "flat_cnn": _SOLID | {"epochs": 35},
    "solid_cnn": _SOLID | {"epochs": 24},
}

# House numbers: 4,000 scenes, cut out anew in every epoch. The CNN, which reads all 64×64 pixels,
# and the frozen one may train for as long as the one with a single transformer; those with several
# see as many crops as that, and take a little longer.
NUMBERS_SCHEDULE = {"batch_size": 64, "learning_rate": 4e-3, "localisation_rate": 1.0}
NUMBERS_EPOCHS = {
    "cnn": 4,
    "frozen_st_cnn": 12,
    "st_cnn_single": 8,
    "st_cnn_multi": 8,
    "st_cnn_multi_first": 8,
}

# SVHN, on a GPU: not measured yet. The weight decay is the paper's; its localisation networks
# learn at a tenth of the rate, and so do ours by themselves (`networks.numbers.SMALL`).
SVHN_SCHEDULE = {
    "epochs": 30,
    "batch_size": 128,
    "learning_rate": 1e-3,
    "localisation_rate": 1.0,
    "weight_decay": 5e-4,
}

# Drawn birds (`birds.py`): the CNN whose convolutions the localisation networks stand on, then all
# that is compared. The CNN by itself trains for as long as pretraining and two windows together.
BIRDS_SCHEDULES = {
    "pretraining": {"epochs": 5, "batch_size": 64},
    "cnn": {"epochs": 13, "batch_size": 64},
    "windows": {"epochs": 8, "batch_size": 64, "localisation_rate": 0.5},
}
# Windows are wide at first, so that much can be read before it is known where to look, and then
# narrow until neither shows a whole bird.
BIRDS_WINDOWS = {"start_scale": 0.55, "scale": 0.3, "narrowing": 380}

# CUB-200-2011 (`cub.py`): a guess, made before anything was measured.
CUB_SCHEDULE = {
    "epochs": 30, "batch_size": 32, "learning_rate": 1e-3, "localisation_rate": 0.3,
    "weight_decay": 1e-2,
}  # fmt: skip
