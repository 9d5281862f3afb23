"""Classifiers that judge painted digits: the course's for MNIST-M, and our own small residual network."""

import torch.nn.functional as F
from torch import Tensor, nn


class CourseClassifier(nn.Module):
    """The network of the course's Classifier.pth: a LeNet on 3x28x28, 10 classes, pixels in [-1, 1]."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 6, 5)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.fc1 = nn.Linear(256, 128)
        self.fc2 = nn.Linear(128, 64)
        self.fc3 = nn.Linear(64, 10)

    def forward(self, x: Tensor) -> Tensor:
        """[B, 3, 28, 28] to logits [B, 10]."""
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2).flatten(1)
        return self.fc3(F.relu(self.fc2(F.relu(self.fc1(x)))))


class Residual(nn.Module):
    """Two normalised 3x3 convolutions beside a skip (He et al. 2015, figure 2): [B, channels, H, W] to the same."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        """[B, channels, H, W] to the same, at least 0."""
        return F.relu(x + self.norm2(self.conv2(F.relu(self.norm1(self.conv1(x))))))


def convolution(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    """A normalised 3x3 convolution and a ReLU."""
    conv = nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(outputs), nn.ReLU())


class DigitJudge(nn.Module):
    """A residual network of 0.75M parameters for 3x28x28 digits, pixels in [-1, 1].

    `features` are what Frechet distance, precision and recall are measured in.

    Args:
        classes: told apart.
    """

    feature_dim = 256

    def __init__(self, classes: int = 10) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.PixelUnshuffle(2),
            convolution(12, 64),
            Residual(64),
            convolution(64, 128, stride=2),
            Residual(128),
            convolution(128, 256, stride=2),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
        )
        self.dropout = nn.Dropout(0.2)
        self.head = nn.Linear(self.feature_dim, classes)

    def features(self, x: Tensor) -> Tensor:
        """[B, 3, 28, 28] to [B, 256], the averages before the last layer."""
        return self.body(x)

    def forward(self, x: Tensor) -> Tensor:
        """[B, 3, 28, 28] to logits [B, classes]."""
        return self.head(self.dropout(self.features(x)))
