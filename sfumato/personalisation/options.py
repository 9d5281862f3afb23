"""What can be said of the photos that are learned."""

from dataclasses import dataclass

from ..errors import UserError
from ..options import check_options, choice, number

CAPTIONS = ("auto", "files", "templates")
"""Where the texts that photos are shown with come from."""
REPEATS = ("auto", "none")
"""Whether the numbers before folders' names count."""
FITS = ("crop", "pad")
"""How photos become squares: a part of each, or all of it."""
MASKS = ("auto", "none")
"""Where masks are looked for, unless a folder is given."""


@dataclass
class PhotoOptions:
    """How photos are read and cut."""

    captions: str = choice("auto", CAPTIONS)
    """auto, files or templates: what photos are shown with. auto takes a photo's caption, and the templates for photos
    that have none; files wants a caption for each; templates looks at none. A caption is a .txt or .caption of the
    photo's name, a row of metadata.jsonl or metadata.csv (file_name, text), or the name of the folder, as in
    10_NAME. {} in it stands for the word."""
    repeats: str = choice("auto", REPEATS)
    """auto or none: whether photos in folders such as 10_NAME are drawn ten times as often as those in 1_NAME."""
    fit: str = choice("crop", FITS)
    """crop (a square of the shorter side, the rest is cut off) or pad (all of the photo; what is added is masked)."""
    crops: int = number(1, 1)
    """Squares of each photo: 1 is the middle, more are at random places."""
    masks: str = "auto"
    """Which parts of photos are learned: white ones of a mask. auto takes NAME-masklabel.png beside a photo, else what
    is opaque of the photo itself; none learns all; a folder holds masks of the photos' names."""

    def check(self) -> None:
        """Refuse what is not allowed by itself.

        Raises:
            UserError: naming the setting.
        """
        check_options(self)
        if self.fit == "pad" and self.crops > 1:
            raise UserError(
                f"--crops {self.crops} with --fit pad: a padded photo is whole, there is one; leave out one"
            )
