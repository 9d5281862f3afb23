"""The report's prose: how things are implemented. What a run chose or measured comes from its notes."""

from typing import Any

_WORDS = {
    "lead": """
        Pictures and numbers of runs, put together from the notes that the commands left beside their results. The
        same folders always give the same report.
    """,
    "digits": """
        One U-Net paints both datasets. Squares of 2x2 pixels are folded into channels, so that convolutions see a
        quarter of the places; the network predicts v on the cosine schedule, and is told the time and the label, digit
        and dataset in one. In training some of the pictures come without a label, so that one network gives both
        predictions that classifier-free guidance needs. Convolutions learn by Muon, the rest by AdamW; the running
        mean of the weights paints.
    """,
    "digits difficulties": """
        What was difficult. SVHN's pictures show pieces of neighbouring digits and come light on dark and dark on
        light: most of each batch is SVHN, half of it with brightness inverted. Strong guidance reads well and looks
        alike: guiding at the noisier times only kept the accuracy and gave variety back. On CPUs the time goes into
        moving feature maps: bf16 and compiling the network shortened it. PyTorch 1.11 lacks layers in bf16 that newer
        ones have, so bf16 is chosen only from 2.1 on. The measurements behind this are in records/ and in the page on
        choosing a sampler.
    """,
    "accuracy": """
        Mean accuracy {mean:.2%}. A picture is right when a network that has seen real digits only reads in it what
        was asked for. One perfect picture painted 500 times would be right too: recall says which share of real
        digits have a painted one near them, precision the reverse, both in the judge's features.
    """,
    "faces": """
        A pixel U-Net predicts the noise in a face; DDIM (Song et al. 2021) walks from pure noise to the face. As the
        course's pictures were made: unless the settings say otherwise, every prediction of the clean face is clamped
        to [-1, 1], the noise is not recomputed after that, and the last step lands on the schedule's first time.
    """,
    "exactness": """
        Mean squared error {mean:.4f} on the scale 0 ... 255 (the limit is {limit:g}).
    """,
    "eta": """
        Eta scales the noise that each step adds: 0 adds none, and the first noise decides the face; 1 adds as much as
        DDPM does, and the face wanders off. The table says how far, as the root mean square of the difference from
        the row's first face, in units of [-1, 1]: from {first:.3f} at eta {low:g} to {last:.3f} at eta {high:g}.
    """,
    "paths": """
        Two independent noises are nearly at right angles and equally long. On the straight line between them (lerp)
        the middle keeps {lerp:.0%} of the length; on the arc (slerp) {slerp:.0%}. The network was trained on noises
        of full length: to a shorter one it answers as to a nearly clean, flat picture. Halfway the contrast of the
        painted face is {slerp_contrast:.2f} by slerp and {lerp_contrast:.2f} by lerp.
    """,
    "inversion": """
        DDIM's equation walked backwards finds a noise that paints a given picture, the better in more steps.
    """,
    "concepts": """
        Textual inversion (Gal et al. 2022) adds a word to the text encoder of a frozen Stable Diffusion and learns
        its vectors alone, from a handful of photos. CLIP judges: the image score compares a picture with the photos,
        the text score with the prompt in plain words.
    """,
    "kept": """
        Every preview's word was scored, and the best was kept, by image score plus 2.5 times text score:
        step {step}, image score {image:.1f}, text score {text:.1f}.
    """,
    "passed": """
        {passed} of {of} prompts pass, by {clip}.
    """,
    "zero-shot": """
        {pictures} pictures of {classes} classes: top-1 {top1:.2%}, top-5 {top5:.2%}, by {clip}. Each class is a text,
        and a picture gets the class whose text lies nearest. Templates: {templates}.
    """,
    "world": """
        The shipped model paints digits in several looks. One digit and one look were in no caption of its training;
        <new1> and <new2> are words learned for them, each from a handful of pictures. A judge that has seen real digits
        only reads what is painted.
    """,
    "survey": """
        Words that were learned each for itself tend to merge in one prompt. Custom Diffusion (Kumari et al. 2023)
        learns keys and values of cross-attention for several concepts together; Cones 2 (Liu et al. 2023) edits
        attention maps by a layout; Mix-of-Show (Gu et al. 2023) and MultiDiffusion (Bar-Tal et al. 2023) give each
        region its own prompt; Break-A-Scene (Avrahami et al. 2023) learns with masks; FreeCustom (Ding et al. 2024)
        looks at reference photos through masks without learning. Here each region takes the prediction of its own
        prompt (MultiDiffusion).
    """,
}


def words(name: str, **numbers: Any) -> str:
    """A paragraph with its numbers."""
    return " ".join(_WORDS[name].split()).format(**numbers)
