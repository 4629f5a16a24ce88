"""What the tests of the alignment share: two pictures, torch's own descent, hands."""

import torch
from bare import settle
from torch.nn.functional import avg_pool2d, interpolate

import stn_lesson as stn

SIZE = (20, 27)


def smooth(seed, size=SIZE):
    rough = torch.rand(1, 1, 5, 6, generator=torch.Generator().manual_seed(seed))
    return interpolate(rough, size, mode="bicubic", align_corners=True).clamp(0, 1)


IMAGE, WANTED = smooth(1), smooth(2)
START = {"rotation": 10, "scale": 1.3, "translation": (0.11, -0.07)}
DIGIT = stn.to_floats(stn.load_digits().test.images[3:4])
HIDDEN = stn.affine_theta(rotation=-25, scale=1.2, translation=(0.25, -0.15))


def click(page, name):
    page.click(f".stn-live button:text-is('{name}')")
    settle(page)


def press(page, name, times=1):
    """Click a button so many times within one frame."""
    page.evaluate(
        """([name, times]) => {
          const found = [...document.querySelectorAll("button")].find(b => b.textContent === name);
          for (let i = 0; i < times; i++) found.click();
        }""",
        [name, times],
    )
    settle(page)


def pause_after(page, steps):
    """Press "pause" in the first frame in which the descent has taken so many steps."""
    page.wait_for_function(
        """steps => {
          if (model.get("steps") < steps) return false;
          [...document.querySelectorAll("button")].find(b => b.textContent === "pause").click();
          return true;
        }""",
        arg=steps,
    )
    settle(page)


def wait_for_message(page, words):
    """Wait for what is told once things stand still; a test fails if it is never told."""
    page.wait_for_function(
        "words => document.querySelector('.stn-message').innerText.includes(words)", arg=words
    )


def shown_loss(page):
    return float(page.locator("output", has_text="loss L").inner_text().split("=")[1])


def wait_for_map(page):
    """Wait until the map of the loss is worked out for what is set now, and drawn."""
    settle(page)
    page.wait_for_selector("canvas[aria-busy='false']", state="attached")
    settle(page)


def torch_loss(at, blur=0, image=IMAGE, wanted=WANTED):
    def soft(picture):
        return avg_pool2d(picture, 2 * blur + 1, 1, blur) if blur else picture

    return (stn.warp(soft(image), at) - soft(wanted)).square().mean()


def torch_descent(at, steps, image=IMAGE, wanted=WANTED):
    """Notebook 04's `align`, from any start."""
    at = at.clone().requires_grad_()
    optimiser = torch.optim.Adam([at], 0.02)
    for _ in range(steps):
        optimiser.zero_grad()
        torch_loss(at, 0, image, wanted).backward()
        optimiser.step()
    return at.detach()


def second_view(page, live):
    """Show the mounted model once more, as a second output of the same widget."""
    page.evaluate(
        """async script => {
          const address = URL.createObjectURL(new Blob([script], {type: "text/javascript"}));
          const el = document.createElement("div"), {default: widget} = await import(address);
          document.body.append(el);
          widget.render({model, el});
        }""",
        live._esm,
    )
    settle(page)


def press_step(page, view, times):
    page.evaluate(
        """([view, times]) => {
          const step = document.querySelectorAll("[aria-label='one step of descent']")[view];
          for (let i = 0; i < times; i++) step.click();
        }""",
        [view, times],
    )
    settle(page)


def as_picture(image):
    height, width = image.shape[-2:]
    return {"grey": image.flatten().tolist(), "height": height, "width": width}
