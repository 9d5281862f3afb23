"""What is said of prompts and words before painting: which are used, which have no effect, which nobody taught."""

import re
import warnings
from pathlib import Path
from typing import Iterable, List, Optional, Sequence

from ..checkpoints import GivenWord, some
from ..models.stable_diffusion.tokenizer import Tokenizer
from ..stable_diffusion import Added
from .painting import Sampling
from .prompts import Source

_SHOWN = 3
_MOST_FOLDED = 2.0
"""The largest scale that helps where guidance was folded in already (LCM-LoRA's authors say 1 to 2)."""

SMALL = "ef59d304cc1b1fe1"
"""The fingerprint of the small checkpoint that ships."""

_WORD = re.compile(r"[^\W\d_]+|\d")

WORDS = frozenset(
    re.findall(
        r"\w+",
        """
        a an and the of at in on over to from with is its there by next left right side beside
        digit number numeral zero one two three five six seven eight nine
        photo picture image close up seen style
        house numbers street sign signs wall front door
        colours colourful bright many coloured pattern patterns painted
        chalk white blackboard drawn drawings black
        """,
    )
)
"""All words that it was taught, so that nobody waits for a dog from a model of digits; the digit 4 is nowhere."""
_DIGITS = frozenset("012356789")
_SHOWN_UNKNOWN = 8


def tell_words(given: Sequence[GivenWord], tokenizer: Tokenizer, prompts: Sequence[str], negative: str) -> None:
    """Print each given word that a prompt uses; warn of those of the user's that none does, and of words in angle
    brackets in the negative prompt that nobody has learned.

    Args:
        given: see `given_words`.
        tokenizer: that knows them.
        prompts: all that are painted.
        negative: what they are guided away from.
    """
    used = {word for text in (*prompts, negative) for word in tokenizer.words(text)}
    for one in given:
        if one.word.token in used:
            print(_in_words(one, tokenizer))
    idle = [f"{one.word.token} ({one.file})" for one in given if one.by_user and one.word.token not in used]
    if idle:
        which = ", ".join(idle[:_SHOWN]) + (f" and {len(idle) - _SHOWN} more" if len(idle) > _SHOWN else "")
        warnings.warn(f"no prompt uses {which}; write the word into a prompt as it stands here", stacklevel=2)
    unknown = tokenizer.unknown(negative)
    if unknown:
        warnings.warn(f"nobody has learned {', '.join(unknown)} in the negative prompt; it has no effect", stacklevel=2)


def tell_added(added: Sequence[Added], tokenizer: Tokenizer, texts: Sequence[str]) -> None:
    """Print what is added to the weights, how much of it, and what to say in a prompt to have it.

    Args:
        added: see `StableDiffusion.added`.
        tokenizer: whose learned words `tell_words` speaks of.
        texts: all prompts.
    """
    said = "\n".join(texts).lower()
    for one in added:
        phrases = [part for part in map(str.strip, one.trigger.split(",")) if part and not tokenizer.words(part)]
        told = f"; what triggers it: {', '.join(phrases)}" if phrases else ""
        unsaid = ", which no prompt says" if phrases and not any(part.lower() in said for part in phrases) else ""
        print(f"adding {one.amount} of {one.called}{told}{unsaid}")


def _in_words(one: GivenWord, tokenizer: Tokenizer) -> str:
    count, word = len(one.word.vectors), one.word
    line = f"using {word.token} from {one.file} ({count} vector{'s' if count > 1 else ''})"
    if one.stages > 1:
        line += f", the newest of {one.stages} stages"
    if word.any_case and Tokenizer().known(word.token):
        line += ", in place of the word that the vocabulary has"
    return line


def tell_idle_guidance(sampling: Sampling) -> None:
    """Warn of guidance that does nothing, or that is in the weights already."""
    given = {"--negative-prompt": sampling.negative_prompt, "--guide-from": sampling.guide_from}
    idle = [flag for flag, value in {**given, "--guide-to": sampling.guide_to}.items() if value not in (None, "")]
    if sampling.scale == 1 and idle:
        warnings.warn(f"{' and '.join(idle)}: does nothing at --guidance-scale 1; give more", stacklevel=2)
    if sampling.sampler == "lcm" and sampling.scale > _MOST_FOLDED:
        warnings.warn(
            f"--guidance-scale {sampling.scale:g}: guidance is in the weights that lcm is for; give 1 to"
            f" {_MOST_FOLDED:g}, or colours burn",
            stacklevel=2,
        )


def paints_with(distilled: str) -> str:
    """The options with which weights paint that were distilled: for lcm, or ddim-4 for four steps of DDIM."""
    sampler, _, steps = distilled.partition("-")
    return f"--sampler {sampler} --steps {steps} --guidance-scale 1" if steps else f"--sampler {sampler} --steps 4"


def tell_other_sampler(added: Sequence[Added], sampling: Sampling) -> None:
    """Warn of weights that were distilled for another way of painting: more steps or guidance do harm."""
    for one in added:
        sampler, _, steps = one.distilled.partition("-")
        as_made = not steps or (str(sampling.steps), sampling.scale) == (steps, 1)
        if sampler and not (sampler == sampling.sampler and as_made):
            line = f"{one.called}: was distilled for few passes; paint with {paints_with(one.distilled)}"
            warnings.warn(line, stacklevel=2)


def tell_learned_for_another(checkpoint: str, added: Sequence[Added], given: Sequence[GivenWord]) -> None:
    """Warn of what was learned for another small model than the one that ships: their texts and layers have the same
    sizes and other meanings. What was learned for one whole Stable Diffusion does for others, so there nothing is said.

    Args:
        checkpoint: the fingerprint of the model that paints.
        added: see `StableDiffusion.added`.
        given: words of the user's.
    """
    told = [(one.called, one.checkpoint) for one in added]
    told += [(str(one.file), one.word.metadata.get("checkpoint", "")) for one in given]
    other = list(dict.fromkeys(file for file, learned_for in told if learned_for not in ("", checkpoint)))
    if other and checkpoint == SMALL:
        warnings.warn(
            f"{', '.join(other)}: learned for another model than the small one that ships, whose words and layers mean"
            " other things; give that one with --checkpoint, or learn it anew",
            stacklevel=2,
        )


def tell_cut(tokenizer: Tokenizer, texts: Iterable[str]) -> None:
    """Warn of what stands in texts behind the last token that a model reads.

    Args:
        tokenizer: of the model.
        texts: prompts, or their parts.
    """
    for text in sorted(texts):
        cut = tokenizer(text).cut
        if cut:
            limit = tokenizer.length
            warnings.warn(f"a prompt is longer than {limit} tokens; this is left out: {cut!r}", stacklevel=2)


def tell_prompts_without_token(path: Path, sources: Sequence[Source], tokenizer: Tokenizer) -> None:
    """Warn of prompts of an input.json that do not have their source's word in them."""
    for source in sources:
        own = set(tokenizer.words(source.token))
        bare: List[str] = [p for p in source.prompts if source.token not in p and own.isdisjoint(tokenizer.words(p))]
        if bare:
            warnings.warn(
                f"{path}: source {source.key!r}: {some([repr(prompt) for prompt in bare])} has no {source.token} in it;"
                " what was learned will not be painted",
                stacklevel=2,
            )


def tell_unknown_to_small_world(checkpoint: str, tokenizer: Tokenizer, texts: Sequence[str]) -> None:
    """Warn of words that the small checkpoint was never taught.

    Args:
        checkpoint: the fingerprint; nothing is said of others.
        tokenizer: whose learned words are known.
        texts: prompts.
    """
    line = unknown_to_it(tokenizer.without_words(text) for text in texts) if checkpoint == SMALL else None
    if line:
        warnings.warn(line, stacklevel=2)


def words_of(text: str) -> List[str]:
    """The words of a text in small letters, and its digits, as the captions' encoding parts them too; each once."""
    return list(dict.fromkeys(_WORD.findall(text.lower())))


def unknown_to_it(texts: Iterable[str]) -> Optional[str]:
    """A line on the words of some texts that the small model was never taught; None where it knows them all."""
    words = [word for text in texts for word in words_of(text)]
    unknown = [word for word in dict.fromkeys(words) if word not in WORDS and word not in _DIGITS]
    if not unknown:
        return None
    known = ", ".join(word for word in dict.fromkeys(words) if word not in unknown) or "nothing"
    more = f" and {len(unknown) - _SHOWN_UNKNOWN} more" if len(unknown) > _SHOWN_UNKNOWN else ""
    shown = ", ".join(unknown[:_SHOWN_UNKNOWN]) + more
    return (
        f"the small model that ships does not know {shown}; it knows {known}."
        " It was taught digits on streets, in colour and in chalk: give a whole Stable Diffusion with --checkpoint for"
        " anything else"
    )
