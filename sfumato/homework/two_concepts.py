"""Problem 3's last question: two concepts in one prompt, by simply naming both and by regions, seen and measured.

OUT/runs/two-concepts/{named,regions,alone-0,alone-1}/    the pictures
OUT/runs/two-concepts/scores.json                         how alike they are to both concepts' photos
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence

from ..clip import Clip, scores
from ..concepts.generate import GenerateOptions, generate
from ..concepts.painting import Sampling
from ..images import graders_picture, open_picture, picture_files
from ..runs import write_note

COUNT = 10
"""Pictures of each kind."""


@dataclass(frozen=True)
class Concept:
    """One of the two."""

    token: str
    kind: str
    """object or style."""
    plain: str
    photos: Sequence[Path]
    word: Path
    """The file of its word."""

    @property
    def noun(self) -> str:
        """As it stands in a prompt."""
        return f"a {self.token}" if self.kind == "object" else f"a house in the style of {self.token}"

    @property
    def plain_noun(self) -> str:
        """The same for CLIP."""
        return self.noun.replace(self.token, self.plain)


@dataclass(frozen=True)
class TwoConcepts:
    """What is painted, with what.

    Attributes:
        folder: runs/two-concepts.
        checkpoint: None for the small one that ships.
        clip: that measures; None where there is none.
        pair: the two.
    """

    folder: Path
    checkpoint: Optional[Path]
    clip: Optional[Clip]
    pair: Sequence[Concept]

    def prompts(self) -> Dict[str, str]:
        """Folder -> its prompt."""
        one, other = (concept.noun for concept in self.pair)
        return {
            "named": f"{one} next to {other}",
            "regions": f"{one} next to {self.pair[1].plain_noun} | {self.pair[0].plain_noun} next to {other}",
            "alone-0": f"a photo of {one}",
            "alone-1": f"a photo of {other}",
        }

    def paint_and_measure(self) -> None:
        """Paint all, and measure where a CLIP is there."""
        for name, prompt in self.prompts().items():
            generate(
                GenerateOptions(
                    out=self.folder / name,
                    checkpoint=self.checkpoint,
                    prompt=(prompt,),
                    embeddings=tuple(concept.word for concept in self.pair if concept.token in prompt),
                    count=COUNT,
                    sampling=Sampling(regions=name == "regions"),
                    overwrite=True,
                )
            )
        if self.clip is not None:
            self._measure(self.clip)

    def _measure(self, clip: Clip) -> None:
        photos = [clip.pictures([graders_picture(path) for path in concept.photos]) for concept in self.pair]
        text = f"{self.pair[0].plain_noun} next to {self.pair[1].plain_noun}"
        rows: List[Dict[str, Any]] = []
        alone: Dict[str, float] = {}
        for name in self.prompts():
            pictures = clip.pictures([open_picture(path) for path in picture_files(self.folder / name / "0")])
            found = [scores(clip, pictures, of_one, text) for of_one in photos]
            image = {concept.token: float(one.image.mean()) for concept, one in zip(self.pair, found)}
            if name.startswith("alone"):
                token = self.pair[int(name[-1])].token
                alone[token] = image[token]
            else:
                rows.append({"way": name, "image": image, "text": float(found[0].text.mean())})
        settings = {"prompts": self.prompts(), "pictures": COUNT}
        told = {"prompt": self.prompts()["named"], "clip": clip.name, "rows": rows, "alone": alone}
        write_note(self.folder / "scores.json", "course two-concepts", settings, **told)
