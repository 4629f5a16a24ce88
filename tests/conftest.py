import os

import pytest
import torch
from small_run import QUICK_SETTINGS, small_data, small_model

import stn_lesson as stn

if not torch.cuda.is_available():
    # Triton reads this when stn_lesson.fused is imported: its kernels then run on the CPU, slowly.
    os.environ.setdefault("TRITON_INTERPRET", "1")


@pytest.fixture(autouse=True, scope="session")
def on_the_cpu():
    """Bit-for-bit comparisons hold on the CPU: the tests run there, also where there is a GPU."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("stn_lesson.device.default_device", lambda: torch.device("cpu"))
        yield


@pytest.fixture(autouse=True)
def no_proxy_for_this_machine(monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture(scope="session")
def unbroken():
    """A small model and its history, trained from start to end without a break."""
    model = small_model()
    return model, stn.fit(model, small_data(), **QUICK_SETTINGS)
