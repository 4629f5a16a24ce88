import pytest
import torch
from remedy_in import remedy_in

import stn_lesson as stn
from stn_lesson.networks import FlatCNN, SolidCNN, SolidSTN

EVERY = SolidSTN, FlatCNN, SolidCNN
VOLUMES = torch.rand(3, 1, 24, 24, 24)


@pytest.mark.parametrize("network", EVERY)
def test_every_network_reads_volumes(network):
    assert network()(VOLUMES).shape == (3, 10)
    assert network(size=16, classes=4)(VOLUMES[..., :16, :16, :16]).shape == (3, 4)


def test_at_the_start_the_view_is_the_volume_as_it_stands():
    model = SolidSTN(view=(24, 24, 24)).eval()
    seen = stn.look(model, VOLUMES)
    assert torch.allclose(seen.view, VOLUMES, atol=1e-5) and seen.outside == 0
    flat = FlatCNN().eval()
    flat.classifier.load_state_dict(model.classifier.state_dict())
    assert torch.allclose(flat(VOLUMES), model(VOLUMES), atol=1e-5)


def test_the_gradient_reaches_theta():
    model = SolidSTN()
    model(VOLUMES).sum().backward()
    assert model.transformer.localisation[-1].bias.grad.abs().max() > 0


@pytest.mark.parametrize("network", EVERY)
@pytest.mark.parametrize(
    "volumes", [VOLUMES.byte(), VOLUMES.double(), VOLUMES[..., :20], torch.rand(2, 1, 30, 30, 30)]
)
def test_what_is_no_volume_of_that_size_is_told_what_makes_it_one(network, volumes):
    model = network().eval()
    with pytest.raises((TypeError, ValueError), match="reads floats") as refusal:
        model(volumes)
    names = {name: getattr(stn, name) for name in stn.__all__}
    names |= {"volumes": volumes, "torch": torch}
    assert model(eval(remedy_in(str(refusal.value)), names)).shape == (len(volumes), 10)


@pytest.mark.parametrize("volumes", [torch.rand(2, 3, 24, 24, 24), torch.rand(2, 24, 24), None])
def test_what_can_be_made_no_volume_is_refused(volumes):
    with pytest.raises((TypeError, ValueError), match=r"FlatCNN reads floats \(N, 1, 24, 24, 24\)"):
        FlatCNN()(volumes)


def test_a_view_that_is_not_square_or_a_size_too_small_is_refused():
    with pytest.raises(ValueError, match=r"as high as it is wide, got \(8, 24, 20\)"):
        SolidSTN(view=(8, 24, 20))
    with pytest.raises(ValueError, match="9×9 pixels are too small .* view of at least 10"):
        SolidSTN(view=(1, 9, 9))
    with pytest.raises(ValueError, match=r"view \(depth, height, width\) must be three whole"):
        SolidSTN(view=(8, 24))
    with pytest.raises(ValueError, match="size of at least 8"):
        SolidSTN(size=7)


def test_a_network_for_solids_learns_with_fit():
    digits = stn.load_digits()
    few = [
        stn.datasets.Split(split.images[:64], split.labels[:64])
        for split in (digits.train, digits.test)
    ]
    data = stn.solids(stn.Dataset("few", *few), 16)
    model = SolidSTN(size=16, view=(4, 16, 16))
    history = stn.fit(model, data, epochs=2, batch_size=16, precision="float32", progress_bar=False)
    assert len(history.accuracy) == 2 and history.theta[-1].shape == (32, 3, 4)
    assert not history.aim  # the aim of a picture's frame has no meaning here
    assert not torch.equal(history.theta[-1][0], torch.eye(3, 4))
