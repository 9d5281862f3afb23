"""Learning from a few photos: what they are, what they are shown with, and what of them counts."""

from .crops import Crops, crops_of, encoded_crops
from .crops_sheet import crops_sheet
from .losses import masked_loss, masked_mean
from .options import PhotoOptions
from .photos import Photo, Photos, read_photos
from .texts import PhotoTexts, read_templates

__all__ = [
    "Crops",
    "Photo",
    "PhotoOptions",
    "PhotoTexts",
    "Photos",
    "crops_of",
    "crops_sheet",
    "encoded_crops",
    "masked_loss",
    "masked_mean",
    "read_photos",
    "read_templates",
]
