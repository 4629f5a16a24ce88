import torch
import torch.nn.functional as F

import stn_lesson as stn
from stn_lesson import collapse
from stn_lesson.networks import InBfloat16


def test_scores_come_near_those_of_full_precision():
    torch.manual_seed(0)
    model = stn.STCNN(family="tps")
    images = stn.to_floats(stn.load_digits().test.images[:20])
    exact = model(images)
    rounded = InBfloat16(model)(images)
    assert rounded.dtype == torch.float32 and not torch.equal(rounded, exact)
    assert (rounded - exact).abs().max() < 0.05 * exact.abs().max()


def test_weights_and_their_gradients_stay_in_full_precision():
    model = InBfloat16(stn.STCNN())
    F.cross_entropy(model(torch.rand(4, 1, 28, 28)), torch.arange(4)).backward()
    for parameter in model.parameters():
        assert parameter.dtype == parameter.grad.dtype == torch.float32


def test_the_grid_stays_in_full_precision():
    model = InBfloat16(stn.STCNN())
    images = torch.rand(2, 1, 28, 28)
    looked = collapse.look(model, images)
    assert looked.grid.dtype == torch.float32
    assert torch.allclose(looked.view, images, atol=1e-5)  # the identity, to the last pixel


def test_it_learns():
    torch.manual_seed(0)
    model = InBfloat16(stn.STFCN())
    history = stn.fit(model, stn.load_digits(), epochs=4, batch_size=32, bar=False)
    assert history.accuracy[-1] > 0.8 and history.theta[0].shape == (32, 2, 3)
