"""Labels of one condition and of several: as numbers, as texts, and what cannot be."""

import pytest

pytest.importorskip("torch")

from sfumato.conditions import Conditions, said

ONE = ("rose", "tulip")
TWO = (("rose", "tulip"), ("blue", "dark, red", 'a "b"'))


def test_a_label_is_a_number_of_each_condition():
    one, two = Conditions(ONE), Conditions(TWO)
    assert one.numbers("tulip") == one.numbers(1) == (1,) and one.numbers(None) == (2,)
    assert two.numbers(("tulip", "blue")) == two.numbers([1, 0]) == two.numbers(("tulip", 0)) == (1, 0)
    assert two.numbers(("rose", None)) == (0, 3) and two.numbers(None) == (2, 3)
    assert Conditions(TWO, (0, 1)).numbers((None, "blue")) == (0, 0)


def test_one_for_all_or_one_each():
    def lists(conditions, label, count):
        return [part.tolist() for part in conditions.of_each(label, count)]

    one, two = Conditions(ONE), Conditions(TWO)
    assert lists(one, "tulip", 2) == [[1, 1]] and lists(one, ["tulip", None, 0], 3) == [[1, 2, 0]]
    assert lists(one, None, 2) == [[2, 2]]
    # Two pictures and two conditions: a tuple of names is one label, a list of such tuples are two.
    assert lists(two, ("tulip", "blue"), 2) == [[1, 1], [0, 0]]
    assert lists(two, [("tulip", "blue"), ("rose", None)], 2) == [[1, 0], [0, 3]]
    assert lists(two, [None, (0, 2)], 2) == [[2, 0], [3, 2]]
    assert Conditions(()).of_each(None, 4) == ()


def test_every_label_is_read_from_the_text_that_says_it():
    two = Conditions(TWO)
    for kind in (*TWO[0], None):
        for colour in (*TWO[1], None):
            assert two.read(said((kind, colour))) == (kind, colour)
    assert said(("rose", "blue")) == "rose,blue" and said(("rose", None)) == "rose,"
    assert two.read("rose, blue") == ("rose", "blue")
    odd = Conditions(("a, b", "line\nbreak", '"'))
    assert [odd.read(said(name)) for name in odd.names[0]] == list(odd.names[0])


def test_classes_and_nulls_are_told_as_they_are_given():
    for classes, null in ((ONE, 2), (TWO, (2, 3)), ((), None)):
        conditions = Conditions(classes)
        assert conditions.classes == classes and conditions.null == null
        again = Conditions(conditions.classes, conditions.null)
        assert again.names == conditions.names and again.nulls == conditions.nulls
    assert Conditions([["rose", "tulip"]]).classes == ONE, "several that are one are one"
    assert str(Conditions(TWO)) == "2 x 3 classes" and str(Conditions(())) == "no classes"


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: Conditions(("a", "a")), "each another one"),
        (lambda: Conditions((("a", "b"), ("c", "c"))), "each another one"),
        (lambda: Conditions((("a", "b"), ())), "of each some"),
        (lambda: Conditions(("a", ("b", "c"))), "not both"),
        (lambda: Conditions((("a", "b"), (1, 2))), "must be names"),
        (lambda: Conditions(ONE, 3), "null must be a label between 0 and 2, got 3"),
        (lambda: Conditions(ONE, True), "null must be a label"),
        (lambda: Conditions(TWO, 1), "2 conditions have as many nulls, got 1"),
        (lambda: Conditions(TWO, (2, 4)), "null must be a label between 0 and 3, got 4"),
        (lambda: Conditions(ONE).numbers("lily"), "unknown label 'lily'; choose one of rose, tulip"),
        (lambda: Conditions(tuple(map(str, range(25)))).numbers("x"), "18, 19 and 5 more"),
        (lambda: Conditions(TWO).numbers("rose"), "a label says 2 conditions, such as rose,blue; got 'rose'"),
        (lambda: Conditions(TWO).numbers(("rose", "green")), "unknown label 'green'; choose one of blue"),
        (lambda: Conditions(TWO).of_each([("rose", "blue")], 2), "2 pictures need one label, or 2; got 1"),
        (lambda: Conditions(TWO).read("rose"), "a label says 2 conditions"),
        (lambda: Conditions(TWO).read("rose,blue,red"), "a label says 2 conditions"),
        (lambda: Conditions(TWO).read('rose,"blue'), "cannot be read as a row of names"),
        (lambda: Conditions(TWO).read(""), "a label says 2 conditions|cannot be read"),
        (lambda: Conditions(()).read("rose"), "the model has no labels"),
    ],
)
def test_what_cannot_be_is_refused(call, words):
    with pytest.raises(ValueError, match=words):
        call()
