import pytest
import torch
import torch.nn.functional as F

import stn_lesson as stn


def test_meshgrid_runs_through_the_pixels_as_in_reading():
    grid = stn.meshgrid(height=2, width=3)
    assert torch.equal(grid[0], torch.tensor([-1.0, 0, 1, -1, 0, 1]))  # x_t
    assert torch.equal(grid[1], torch.tensor([-1.0, -1, -1, 1, 1, 1]))  # y_t
    assert torch.equal(grid[2], torch.ones(6))


def test_a_side_of_one_pixel_has_its_sample_at_the_centre():
    assert torch.equal(stn.meshgrid(1, 1), torch.tensor([[0.0], [0.0], [1.0]]))
    assert torch.equal(stn.meshgrid(1, 2)[1], torch.zeros(2))


@pytest.mark.filterwarnings("ignore:Since version 1.3.0")
@pytest.mark.parametrize("size", [(5, 8), (1, 4), (3, 1), (1, 1)])
@pytest.mark.parametrize("batch", [0, 1, 3])
def test_sampling_grid_equals_torch(size, batch):
    theta = torch.randn(batch, 2, 3, dtype=torch.double)
    grid = stn.sampling_grid(theta, *size)
    assert grid.shape == (batch, *size, 2) and grid.dtype == theta.dtype
    if batch:
        expected = F.affine_grid(theta, (batch, 1, *size), align_corners=True)
        torch.testing.assert_close(grid, expected)


def test_the_grid_says_where_the_target_looks():
    # A picture moved to the right: the target's left edge looks outside, its right at the centre.
    grid = stn.sampling_grid(stn.affine_theta(translation=(1, 0)), 1, 3)
    assert torch.equal(grid[0, 0, :, 0], torch.tensor([-2.0, -1, 0]))


@pytest.mark.parametrize("size", [(0, 3), (3, -1)])
def test_a_side_without_pixels_is_refused(size):
    with pytest.raises(ValueError, match="at least 1 pixel"):
        stn.meshgrid(*size)


def test_gradient_reaches_theta():
    theta = torch.randn(2, 2, 3, dtype=torch.double, requires_grad=True)
    assert torch.autograd.gradcheck(lambda t: stn.sampling_grid(t, 3, 4), theta)
