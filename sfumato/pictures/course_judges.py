"""The course's judges of digits, which may take our own one's place (`judges.py`)."""

from pathlib import Path

from torch import Tensor, nn

from ..checkpoints import loaded, read_tensors, weights_in
from ..errors import UserError, first_line
from ..models.digit_classifier import CourseClassifier


def load_course_classifier(path: Path) -> CourseClassifier:
    """The course's Classifier.pth: {"state_dict", "optimizer"}.

    Raises:
        UserError: if the file is not that.
    """
    weights = weights_in(read_tensors(path).value, path, "state_dict")
    return loaded(CourseClassifier, weights, path, "course's classifier")


class HubSVHN(nn.Module):
    """timm's resnet34_svhn behind the judges' interface, for grading as the course does.

    Raises:
        UserError: if timm, detectors or the weights cannot be had.
    """

    def __init__(self) -> None:
        super().__init__()
        try:
            import detectors  # noqa: F401  registers the model with timm
            import timm

            self.network = timm.create_model("resnet34_svhn", pretrained=True, num_classes=10)
        except Exception as error:  # a missing package, no network, a hub that changed: all mean the same to the user
            raise UserError(
                f"resnet34_svhn cannot be had ({type(error).__name__}: {first_line(error)[:120]});"
                " it needs `pip install timm detectors` and a network; leave out --svhn-hub to use the shipped judge"
            ) from None
        self.eval().requires_grad_(False)

    def forward(self, x: Tensor) -> Tensor:
        """[B, 3, 28, 28] in [-1, 1] to logits [B, 10]."""
        return self.network(x)
