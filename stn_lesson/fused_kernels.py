"""The GPU kernels of `fused`, in Triton: what a block of target pixels does, forwards and back."""

from __future__ import annotations

try:
    import triton
    import triton.language as tl
    from triton.language import constexpr
except ImportError:  # a build of torch for the CPU, or a system that Triton does not know
    triton = None


def _kernel(function):
    """A function that Triton compiles when it is first called; unused where there is no Triton."""
    return triton.jit(function) if triton else function


@_kernel
def _pixel_centre(index, count):
    """Coordinates of pixels in a row of `count`, as `pixel_centres` gives them."""
    steps = (2 * index - (count - 1)).to(tl.float32)  # from the middle, in half pixels
    return tl.div_rn(steps, tl.maximum(count - 1, 1).to(tl.float32))


@_kernel
def _clamp_to_edge(position, last):
    """Positions beyond an edge moved onto it. NaN stays NaN."""
    position = tl.where(position < 0, 0.0, position)
    return tl.where(position > last, last, position)


@_kernel
def _look(
    theta,
    theta_step,
    blocks,
    height,
    width,
    rows,
    columns,
    half_y,
    half_x,
    BORDER: constexpr,
    BLOCK: constexpr,
):
    """The sample and target pixels of this program, and where these look: x and y in pixels."""
    sample = (tl.program_id(0) // blocks).to(tl.int64)  # 64 bits: a batch may be large
    pixel = (tl.program_id(0) % blocks) * BLOCK + tl.arange(0, BLOCK)
    exists = pixel < rows * columns
    pixel = tl.where(exists, pixel, 0)  # what lies beyond the end does as the first pixel does
    x_t = _pixel_centre(pixel % columns, columns)
    y_t = _pixel_centre(pixel // columns, rows)

    theta += sample * theta_step
    x_s = tl.load(theta) * x_t + tl.load(theta + 1) * y_t + tl.load(theta + 2)  # equation (1)
    y_s = tl.load(theta + 3) * x_t + tl.load(theta + 4) * y_t + tl.load(theta + 5)
    x = (x_s + 1) * half_x
    y = (y_s + 1) * half_y
    if BORDER:
        x = _clamp_to_edge(x, width - 1)
        y = _clamp_to_edge(y, height - 1)
    return sample, pixel, exists, x_t, y_t, x, y


@_kernel
def _neighbour(column, row, x, y, height, width):
    """One of the four pixels around a point: its index, whether it exists, and its weight."""
    exists = (column >= 0) & (column <= width - 1) & (row >= 0) & (row <= height - 1)
    # Indices stay inside the picture even where they are masked; NaN exists nowhere.
    m = tl.where(exists, column, 0.0).to(tl.int32)
    n = tl.where(exists, row, 0.0).to(tl.int32)
    weight = (1 - tl.abs(x - column)) * (1 - tl.abs(y - row))  # equation (5)
    return n * width + m, exists, weight


@_kernel
def _read(image, index, exists):
    """Pixels of one channel in float32; 0 where they do not exist."""
    return tl.load(image + index, mask=exists, other=0.0).to(tl.float32)


@_kernel
def warp_kernel(
    image,
    theta,
    picture,
    theta_step,
    channels,
    height,
    width,
    rows,
    columns,
    half_y,
    half_x,
    blocks,
    BORDER: constexpr,
    BLOCK: constexpr,
):
    """One program reads a block of target pixels of one sample, in all channels."""
    sample, pixel, exists, _x_t, _y_t, x, y = _look(
        theta, theta_step, blocks, height, width, rows, columns, half_y, half_x, BORDER, BLOCK
    )
    left = tl.floor(x)
    top = tl.floor(y)
    at_nw, is_nw, w_nw = _neighbour(left, top, x, y, height, width)
    at_ne, is_ne, w_ne = _neighbour(left + 1, top, x, y, height, width)
    at_sw, is_sw, w_sw = _neighbour(left, top + 1, x, y, height, width)
    at_se, is_se, w_se = _neighbour(left + 1, top + 1, x, y, height, width)

    image += sample * channels * height * width
    picture += sample * channels * rows * columns
    for _channel in range(channels):
        value = w_nw * _read(image, at_nw, is_nw) + w_ne * _read(image, at_ne, is_ne)
        value += w_sw * _read(image, at_sw, is_sw) + w_se * _read(image, at_se, is_se)
        tl.store(picture + pixel, value.to(picture.dtype.element_ty), mask=exists)
        image += height * width
        picture += rows * columns


@_kernel
def _store_row_gradient(to_row, slope, x_t, y_t):
    """The gradient to one row of θ, summed over this program's target pixels: equation (1)'s."""
    tl.store(to_row, tl.sum(slope * x_t, 0))
    tl.store(to_row + 1, tl.sum(slope * y_t, 0))
    tl.store(to_row + 2, tl.sum(slope, 0))


@_kernel
def gradient_kernel(
    image,
    theta,
    gradient,
    to_image,
    to_theta,
    theta_step,
    channels,
    height,
    width,
    rows,
    columns,
    half_y,
    half_x,
    blocks,
    BORDER: constexpr,
    BLOCK: constexpr,
    WANTS_IMAGE: constexpr,
    WANTS_THETA: constexpr,
):
    """One program passes the gradient of a block of target pixels on to image and θ."""
    sample, pixel, exists, x_t, y_t, x, y = _look(
        theta, theta_step, blocks, height, width, rows, columns, half_y, half_x, BORDER, BLOCK
    )
    left = tl.floor(x)
    top = tl.floor(y)
    at_nw, is_nw, w_nw = _neighbour(left, top, x, y, height, width)
    at_ne, is_ne, w_ne = _neighbour(left + 1, top, x, y, height, width)
    at_sw, is_sw, w_sw = _neighbour(left, top + 1, x, y, height, width)
    at_se, is_se, w_se = _neighbour(left + 1, top + 1, x, y, height, width)

    image += sample * channels * height * width
    to_image += sample * channels * height * width
    gradient += sample * channels * rows * columns
    slope_x = tl.zeros((BLOCK,), tl.float32)
    slope_y = tl.zeros((BLOCK,), tl.float32)
    for _channel in range(channels):
        g = _read(gradient, pixel, exists)
        if WANTS_IMAGE:  # equation (6); several target pixels may look at the same source pixel
            tl.atomic_add(to_image + at_nw, g * w_nw, mask=exists & is_nw, sem="relaxed")
            tl.atomic_add(to_image + at_ne, g * w_ne, mask=exists & is_ne, sem="relaxed")
            tl.atomic_add(to_image + at_sw, g * w_sw, mask=exists & is_sw, sem="relaxed")
            tl.atomic_add(to_image + at_se, g * w_se, mask=exists & is_se, sem="relaxed")
        if WANTS_THETA:  # equation (7): differences of neighbours
            nw = _read(image, at_nw, is_nw)
            ne = _read(image, at_ne, is_ne)
            sw = _read(image, at_sw, is_sw)
            se = _read(image, at_se, is_se)
            slope_x += g * ((top + 1 - y) * (ne - nw) + (y - top) * (se - sw))
            slope_y += g * ((left + 1 - x) * (sw - nw) + (x - left) * (se - ne))
        image += height * width
        to_image += height * width
        gradient += rows * columns
    if WANTS_THETA:
        if BORDER:  # what is held at an edge does not follow θ
            slope_x = tl.where((x > 0) & (x < width - 1), slope_x, 0.0)
            slope_y = tl.where((y > 0) & (y < height - 1), slope_y, 0.0)
        to_theta += tl.program_id(0).to(tl.int64) * 6
        _store_row_gradient(to_theta, slope_x * half_x, x_t, y_t)
        _store_row_gradient(to_theta + 3, slope_y * half_y, x_t, y_t)
