"""Prompts to token ids: CLIP's byte-pair encoding, and words of one's own.

The encoding is the package tokenizers'; its vocabulary of 49,408 ships as weights/clip/tokenizer.json. A learned word,
such as <new1>, is found in a prompt before the encoding sees it, and takes ids of its own after the vocabulary's, one
for each of its vectors.
"""

import re
from pathlib import Path
from typing import Collection, Dict, Iterator, List, Mapping, NamedTuple, Optional, Tuple

BEGIN, END = 49406, 49407
VOCABULARY = 49408

TOKENIZER_FILE = Path(__file__).parents[1] / "weights" / "clip" / "tokenizer.json"
"""CLIP's vocabulary and merges, as the tokenizers library writes them."""


class Tokens(NamedTuple):
    """An encoded prompt."""

    ids: List[int]
    """As many as the text encoder takes: begin, the prompt, end, and end again to fill up."""
    cut: str
    """What of the prompt did not fit; empty if all did."""


class Tokenizer:
    """The encoding with some learned words.

    Args:
        learned: word -> its number of vectors, in the order in which they take ids.
        length: of the encoded prompts.
        any_case: those of the learned words that are found in any letter case, bare where a word begins and ends, or in
            angle brackets.
        also: another spelling -> the learned word that it stands for.
    """

    def __init__(
        self,
        learned: Mapping[str, int] = {},
        length: int = 77,
        any_case: Collection[str] = (),
        also: Mapping[str, str] = {},
    ) -> None:
        from tokenizers import Tokenizer as Encoding

        self._encoding = Encoding.from_file(str(TOKENIZER_FILE))
        self.length = length
        self._learned: Dict[str, List[int]] = {}
        following = VOCABULARY
        for word, vectors in learned.items():
            self._learned[word] = list(range(following, following + vectors))
            following += vectors
        spellings = [(word, re.escape(word), word) for word in learned if word not in any_case]
        spellings += [(spelling, re.escape(spelling), word) for spelling, word in also.items()]
        for word in any_case:
            spellings.append((word, rf"(?<!\w)(?i:{re.escape(word)})(?!\w)", word))
            spellings.append((f"<{word}>", f"<(?i:{re.escape(word)})>", word))
        # The longest first, so that <new1> does not hide inside a longer word.
        spellings.sort(key=lambda spelling: -len(spelling[0]))
        self._words = [word for _, _, word in spellings]
        self._found = re.compile("|".join(f"({pattern})" for _, pattern, _ in spellings)) if spellings else None

    def __call__(self, prompt: str) -> Tokens:
        """Encode a prompt; what does not fit is left out and told."""
        pieces = self._pieces(prompt)
        room = self.length - 2
        ids = [BEGIN, *(number for number, _ in pieces[:room])]
        cut = prompt[pieces[room][1] :] if len(pieces) > room else ""
        return Tokens(ids + [END] * (self.length - len(ids)), cut)

    def plain(self, text: str) -> List[int]:
        """The ids of a text by themselves, without begin and end."""
        return [number for number, _ in self._pieces(text)]

    def known(self, text: str) -> bool:
        """Whether a text is a learned word or one token of the vocabulary."""
        return text in self._learned or text in self._encoding.get_vocab() or len(self._pieces(text)) == 1

    def words(self, text: str) -> List[str]:
        """The learned words in a text, in the order in which they first stand there."""
        return list(dict.fromkeys(word for _, _, word in self._parts(text) if word is not None))

    def without_words(self, text: str) -> str:
        """A text with a space in place of each learned word."""
        return " ".join(part for part, _, word in self._parts(text) if word is None)

    def unknown(self, text: str) -> List[str]:
        """The words in angle brackets in a text that are not learned, each once."""
        return list(dict.fromkeys(re.findall(r"<[^<>\s]+>", self.without_words(text))))

    def _parts(self, text: str) -> Iterator[Tuple[str, int, Optional[str]]]:
        """A text in parts: (part, where it begins, the learned word that it is)."""
        place = 0
        for match in self._found.finditer(text) if self._found else ():
            yield text[place : match.start()], place, None
            yield match.group(), match.start(), self._words[(match.lastindex or 0) - 1]
            place = match.end()
        yield text[place:], place, None

    def _pieces(self, prompt: str) -> List[Tuple[int, int]]:
        """(id, where in the prompt it begins) of every token."""
        found: List[Tuple[int, int]] = []
        for part, place, word in self._parts(prompt):
            if word is not None:
                found += [(number, place) for number in self._learned[word]]
            elif part:
                encoded = self._encoding.encode(part, add_special_tokens=False)
                found += [(n, place + begin) for n, (begin, _) in zip(encoded.ids, encoded.offsets)]
        return found
