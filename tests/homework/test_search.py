"""The search for words, with made-up scores and a made-up clock: what is tried, for how long, and what is handed in."""

import itertools

import pytest

from sfumato.concepts.evaluate import PromptScore
from sfumato.concepts.prompts import Source
from sfumato.homework.candidates import candidates, kind_of, plain_words
from sfumato.homework.search import FEW, WordSearch, margin, search


def score(image, text, baseline=(70.0, 30.0)):
    passed = None if baseline is None else image >= baseline[0] and text >= baseline[1]
    return PromptScore("0", "a <new1>", image, text, [], baseline, passed)


class Clock:
    def __init__(self, seconds):
        self.left = seconds

    def __call__(self):
        return self.left


class MadeUp:
    """A source whose n-th candidate has the n-th of some margins, with few pictures and with all."""

    def __init__(self, clock, few, whole, seconds=10.0, baseline=(70.0, 30.0)):
        self.clock, self.few, self.whole, self.seconds, self.baseline = clock, few, whole, seconds, baseline
        self.learned, self.judged = [], []
        self.numbers = {}
        self.hunt = WordSearch(candidates("object", "dog", small=False), self.learn, self.judge, 25, lambda: seconds)

    def learn(self, candidate):
        self.numbers[candidate] = len(self.learned)
        self.learned.append(candidate)
        self.clock.left -= self.seconds

    def judge(self, candidate, count):
        number = self.numbers[candidate]
        self.judged.append((number, count))
        above = (self.few if count == FEW else self.whole)[number]
        return [score(70 + above, 40, self.baseline)]


def test_the_margin_is_that_of_the_worst_prompt_by_its_worse_score():
    assert margin([score(80, 31), score(71, 33)]) == 1.0
    assert margin([score(80, 29.0), score(71, 33)]) == -2.5
    assert margin([score(80, 29.0, None)]) == 80 + 2.5 * 29


def test_it_ends_when_all_prompts_pass_and_hands_in_the_word_that_passes():
    clock = Clock(1000.0)
    wing = MadeUp(clock, few=[-1, -1.5, 1], whole=[-1, -0.5, 2])
    search([wing.hunt], clock, lambda: None)
    assert len(wing.learned) == 3 and wing.hunt.over
    assert wing.hunt.best.candidate is wing.learned[2]


def test_only_what_promises_is_painted_whole():
    clock = Clock(40.0)
    wing = MadeUp(clock, few=[-9, -8, -8.5, -1], whole=[-9, -8, None, -1])
    search([wing.hunt], clock, lambda: None)
    # The first in any case, the second as the best so far, the fourth as near its baselines.
    assert [number for number, count in wing.judged if count == 25] == [0, 1, 3]


def test_the_time_ends_it_but_every_source_gets_its_first_word():
    clock = Clock(0.0)
    wings = [MadeUp(clock, few=[-9] * 9, whole=[-9] * 9) for _ in range(3)]
    search([wing.hunt for wing in wings], clock, lambda: None)
    assert [len(wing.learned) for wing in wings] == [1, 1, 1]


def test_time_is_shared_and_nothing_is_begun_that_would_not_end_in_time():
    clock = Clock(65.0)
    wings = [MadeUp(clock, few=[-9] * 9, whole=[-9] * 9) for _ in range(2)]
    search([wing.hunt for wing in wings], clock, lambda: None)
    assert [len(wing.learned) for wing in wings] == [3, 3] and clock.left == 5.0


def test_a_source_that_passed_leaves_its_time_to_the_others():
    clock = Clock(65.0)
    done, other = MadeUp(clock, [1], [1]), MadeUp(clock, [-9] * 9, [-9] * 9)
    search([done.hunt, other.hunt], clock, lambda: None)
    assert (len(done.learned), len(other.learned)) == (1, 5)


def test_of_words_that_fail_the_one_with_more_prompts_right_is_handed_in():
    clock = Clock(25.0)
    wing = MadeUp(clock, [0, 0], [0, 0])
    answers = iter([[score(60, 40), score(71, 40)], [score(69, 40), score(69, 40)]])
    wing.hunt.judge = lambda candidate, count: [score(69, 40)] if count == FEW else next(answers)
    search([wing.hunt], clock, lambda: None)
    assert len(wing.learned) == 2 and wing.hunt.best.candidate is wing.learned[0]


def test_where_nothing_judges_one_word_is_learned():
    clock = Clock(1000.0)
    wing = MadeUp(clock, [], [])
    wing.hunt.judge = None
    search([wing.hunt], clock, lambda: None)
    assert len(wing.learned) == 1 and wing.hunt.best.all is None


def test_without_baselines_it_looks_for_better_ones_until_the_time_is_spent():
    clock = Clock(40.0)
    wing = MadeUp(clock, [1, 3, 2, 4], [1, 3, 2, 4], baseline=None)
    search([wing.hunt], clock, lambda: None)
    assert [number for number, count in wing.judged if count == 25] == [0, 1, 3]
    assert wing.hunt.best.candidate is wing.learned[3]


def test_candidates_begin_with_what_is_reported_to_pass_and_never_repeat():
    first = list(itertools.islice(candidates("object", "dog", small=False), 40))
    assert (first[0].init, first[0].lr, first[0].batch_size, first[0].steps) == ("corgi dog", 5e-3, 4, 2000)
    assert {one.init for one in first} == {"corgi dog", "dog", "corgi"}
    assert {(one.lr, one.batch_size) for one in first} == {(5e-3, 4), (5e-4, 1), (5e-3, 8)}
    assert {one.kind for one in first} == {"object", "style"} and {one.vectors for one in first} == {1, 2}
    assert len(set(first)) == 40 and {one.seed for one in first[:8]} == {0}
    style = next(candidates("style", "David Revoy", small=False))
    assert (style.init, style.vectors, style.kind) == ("fantasy cartoon", 2, "style")
    assert next(candidates("object", "cat", small=False)).init == "cat"
    assert next(candidates("object", None, small=True, steps=7)).steps == 7


@pytest.mark.parametrize(
    ("prompts", "judged", "kind", "plain"),
    [
        (("A <new1> shepherd on a hill.",), ("A dog shepherd on a hill.",), "object", "dog"),
        (("Paris in the style of <new1>.",), ("Paris in the style of David Revoy.",), "style", "David Revoy"),
        (("<new1>", "Paris in the style of <new1>"), (), "object", None),
        (("a <new1>",), ("something else",), "object", None),
    ],
)
def test_what_a_source_is_stands_in_its_prompts(prompts, judged, kind, plain):
    source = Source("0", "<new1>", "", prompts, judged, ())
    assert (kind_of(source), plain_words(source)) == (kind, plain)
