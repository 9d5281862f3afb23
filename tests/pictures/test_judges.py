"""Digits that were read, counted."""

import torch

from sfumato.pictures.judges import confusion_matrix


def test_confusion_counts_rows_asked_and_columns_read():
    matrix = confusion_matrix(torch.tensor([7, 7, 1]), torch.tensor([7, 1, 1]), 10)
    assert matrix.shape == (10, 10) and matrix.sum() == 3
    assert matrix[7, 7] == matrix[7, 1] == matrix[1, 1] == 1
