"""A file of dlib's face descriptor whose weights are a formula's: all that dlib writes around them is real."""

import zlib

import numpy as np


def numbers_for(place, kind, count, outputs):
    """The numbers of one layer as dlib has them in a row: filters and biases, gains and shifts, or a matrix.

    Args:
        place: in the file, from 0.
        kind: con_4, affine_ or fc_2.
        count: of the numbers.
        outputs: channels that it has.
    """
    noise = np.random.RandomState(zlib.crc32(f"dlib {place}".encode())).standard_normal(count)
    if kind == "con_4":
        inputs = (count - outputs) // outputs
        values = np.concatenate([noise[:-outputs] / np.sqrt(inputs), 0.1 * noise[-outputs:]])
    elif kind == "affine_":
        values = np.concatenate([1 + 0.1 * noise[:outputs], 0.1 * noise[outputs:]])
    else:
        values = noise / np.sqrt(count / outputs)
    return values.astype("<f4")


def formula_file(reference):
    """The bytes of the file.

    Args:
        reference: the contents of dlib_face.npz.
    """
    frame, begins = reference["frame"].tobytes(), [0, *reference["begins"].tolist()]
    parts = [frame[begin:end] for begin, end in zip(begins, [*begins[1:], len(frame)])]
    layers = zip(reference["kinds"].tolist(), reference["counts"].tolist(), reference["outputs"].tolist())
    written = [parts[0]]
    for place, ((kind, count, outputs), after) in enumerate(zip(layers, parts[1:])):
        written += [numbers_for(place, kind, count, outputs).tobytes(), after]
    return b"".join(written)
