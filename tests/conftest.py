import pytest
import torch


@pytest.fixture(autouse=True, scope="session")
def on_the_cpu():
    """Bit-for-bit comparisons hold on the CPU: the tests run there, also where there is a GPU."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("stn_lesson.training.default_device", lambda: torch.device("cpu"))
        yield


@pytest.fixture(autouse=True)
def no_proxy_for_this_machine(monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
