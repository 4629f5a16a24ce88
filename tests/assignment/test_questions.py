"""Questions that are put to what a notebook has defined."""

import torch

from stn_lesson.assignment.questions import Question, ask, lend_functions


def test_a_question_leaves_its_arguments_as_they_were():
    image = torch.ones(1, 1, 2, 2)
    ask(Question("call", "spoil", (image,)), {"spoil": lambda x: x.zero_()})
    assert image.eq(1).all()


def test_an_index_out_of_bounds_is_explained_where_an_image_is_read():
    def beyond(tensor):
        return tensor[..., 5]

    told = "hold its index inside"
    assert told in ask(Question("call", "f", (torch.ones(1, 1, 2, 2),)), {"f": beyond}).error
    assert told not in ask(Question("call", "f", (torch.ones(2, 2),)), {"f": beyond}).error


def test_lent_functions_go_back():
    variables = {"meshgrid": 1}
    with lend_functions(variables, {"meshgrid": 2, "warp": 3}):
        assert variables == {"meshgrid": 2, "warp": 3}
    assert variables == {"meshgrid": 1}
