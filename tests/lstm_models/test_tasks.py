"""Tasks are what they say: every character has its place, so that what is read, asked and held out can be told."""

import numpy as np
import pytest

from lstm_models import tasks
from lstm_models import text as english
from lstm_models.tasks import Adding, Sine, Text

LENGTH = 203
STRING = "".join(chr(0x4E00 + place) for place in range(LENGTH))  # no character twice: its code is its place
LEARNED = LENGTH - LENGTH // 10
CUTS = [(1, 1, 1), (3, 4, 4), (3, 4, 11), (2, 5, 6), (4, 7, 40), (5, 30, 30)]  # B, k1, k2


def task(B=3, k1=4, k2=4, seed=0, string=STRING):
    return Text(string, english.alphabet(string), B, k1, k2, seed, np.float64)


def places(xs):
    """T×B: which characters one-hot columns stand for."""
    for x in xs:
        assert (np.sort(x, axis=0)[-1] == 1).all()
        assert (x.sum(axis=0) == 1).all()
    return np.array([x.argmax(axis=0) for x in xs])


def one_pass(made, n=0):
    """The chunks from n to the end of the pass over the text that begins with chunk n."""
    chunks = [made.chunk(n)]
    while True:
        chunk = made.chunk(n + len(chunks))
        if chunk.fresh and len(chunk.xs) <= len(chunks[0].xs):
            return chunks
        chunks.append(chunk)


@pytest.mark.parametrize(("B", "k1", "k2"), CUTS)
def test_a_pass_asks_for_every_character_of_every_stream_once(B, k1, k2):
    asked, ends = [], []
    for chunk in one_pass(task(B, k1, k2)):
        read = places(chunk.xs)
        assert len(read) <= k2 + (k1 if chunk.fresh else 0)
        assert (read[1:] == (read[:-1] + 1) % LEARNED).all()
        new = [t for t, target in enumerate(chunk.targets) if target is not None]
        assert new == list(range(len(read) - len(new), len(read)))
        assert len(new) <= k1
        assert chunk.counted == len(new) * B
        assert chunk.lengths is None
        labels = places([chunk.targets[t] for t in new])
        assert (labels == (read[new] + 1) % LEARNED).all()
        asked += list(labels)
        ends.append(len(read))
    asked = np.array(asked)
    assert (asked[1:] == (asked[:-1] + 1) % LEARNED).all()
    assert len(asked) == LEARNED // B - 1
    assert len(np.unique(asked)) == asked.size  # streams have no character in common
    assert asked.max() < LEARNED
    assert max(ends) == min(k2, LEARNED // B - 1)


@pytest.mark.parametrize(("B", "k1", "k2"), CUTS)
def test_carried_are_the_states_before_the_first_new_time_step(B, k1, k2):
    made = task(B, k1, k2)
    for n in (0, len(one_pass(made))):
        first, *others = one_pass(made, n)
        assert first.fresh
        begin, before = places(first.xs)[0], places(first.xs)
        for chunk in others:
            read = places(chunk.xs)
            if chunk.fresh:
                assert (read[0] == begin).all()
            else:
                assert len(read) == k2 or chunk is others[-1]
                assert (before[chunk.carried - 1] == (read[0] - 1) % LEARNED).all()
            before = read


def test_passes_begin_elsewhere_and_depend_on_the_seed():
    made = task()
    length = len(one_pass(made))
    begins = [tuple(places(made.chunk(over * length).xs)[0]) for over in range(4)]
    assert len(set(begins)) == 4
    assert begins[0] != tuple(places(task(seed=1).chunk(0).xs)[0])
    again = task().chunk(2 * length)
    assert (places(again.xs) == places(made.chunk(2 * length).xs)).all()


@pytest.mark.parametrize(("B", "k1", "k2"), CUTS)
def test_what_is_held_out_is_never_learned_and_read_in_order(B, k1, k2):
    made = task(B, k1, k2)
    learned = {place for chunk in one_pass(made) for place in places([*chunk.xs, chunk.targets[-1]]).ravel()}
    asked, before = [], None
    for chunk in made.held_out():
        read = places(chunk.xs)
        assert chunk.fresh == (before is None)
        assert chunk.fresh or (before[chunk.carried - 1] == read[0] - 1).all()
        new = [t for t, target in enumerate(chunk.targets) if target is not None]
        labels = places([chunk.targets[t] for t in new])
        assert (labels == read[new] + 1).all()
        assert chunk.counted == labels.size
        assert not learned & {*read.ravel(), *labels.ravel()}
        asked, before = [*asked, *labels], read
    asked = np.array(asked)
    assert (asked[1:] == asked[:-1] + 1).all()
    streams = asked.shape[1]
    assert len(asked) == LENGTH // 10 // streams - 1
    assert len(np.unique(asked)) == asked.size


def test_of_a_long_text_no_more_is_held_out(monkeypatch):
    monkeypatch.setattr(tasks, "HELD_OUT_MOST", 6)
    read = {place for chunk in task().held_out() for place in places(chunk.xs).ravel()}
    assert read <= set(range(LENGTH - 6, LENGTH))


@pytest.mark.parametrize(("B", "k1"), [(1, 1), (1, 17), (1, 18), (3, 4), (3, 8), (5, 9), (7, 11), (32, 50)])
@pytest.mark.parametrize("most", [4, 50_000])
def test_a_text_that_is_too_short(B, k1, most, monkeypatch):
    monkeypatch.setattr(tasks, "HELD_OUT_MOST", most)
    with pytest.raises(ValueError, match=f"has 3 characters; {B} streams of {k1} time steps need") as failed:
        task(B, k1, k1, string="abc")
    needed = int(str(failed.value).split(" need ")[1].split(", with")[0].replace(",", ""))
    enough = ("ab" * needed)[:needed]
    with pytest.raises(ValueError, match="take a longer text, a smaller batch or fewer steps"):
        task(B, k1, k1, string=enough[1:])
    made = task(B, k1, k1, string=enough)
    assert made.chunk(0).counted == B * k1
    assert sum(chunk.counted for chunk in made.held_out()) > 0


@pytest.mark.parametrize("to", ["one", "many"])
def test_the_sine(to):
    chunk = Sine(to, 10, 6, 0, np.float64).chunk(3)
    assert len(chunk.xs) == len(chunk.targets) == 10
    x = np.array(chunk.xs)
    assert x.shape == (10, 1, 6)
    assert np.allclose(x[2:] + x[:-2], 2 * np.cos(0.2) * x[1:-1], atol=1e-14)  # a sine of 0.2 a time step
    assert np.allclose(x[0] ** 2 + ((x[1] - x[0] * np.cos(0.2)) / np.sin(0.2)) ** 2, 1, atol=1e-13)  # of height 1
    assert np.unique(x[0]).size == 6
    asked = [t for t, target in enumerate(chunk.targets) if target is not None]
    assert asked == ([9] if to == "one" else list(range(10)))
    assert all((chunk.targets[t] == x[t + 1]).all() for t in asked[:-1])
    assert np.allclose(chunk.targets[-1], 2 * np.cos(0.2) * x[9] - x[8], atol=1e-14)
    assert chunk.counted == 6 * len(asked)


def test_the_adding_problem():
    made = Adding(20, 40, 0, np.float64)
    chunk = made.chunk(1)
    numbers, marks = np.array(chunk.xs).transpose(1, 0, 2)
    assert sorted(set(chunk.lengths)) == [20, 21, 22]
    assert len(numbers) == max(chunk.lengths)
    assert ((numbers >= 0) & (numbers < 1)).all()
    assert (marks.sum(axis=0) == 2).all()
    assert set(marks.ravel()) == {0, 1}
    target = chunk.targets[-1]
    assert chunk.targets[:-1] == [None] * (len(numbers) - 1)
    assert chunk.counted == 40
    for b, length in enumerate(chunk.lengths):
        marked = np.flatnonzero(marks[:, b])
        assert marked[-1] < length
        assert target[0, b] == numbers[marked[0], b] + numbers[marked[1], b]
    assert len({tuple(np.flatnonzero(column)) for column in marks.T}) > 20


@pytest.mark.parametrize(("kind", "what"), [(Sine, ("one", 10)), (Adding, (20,))], ids=["sine", "adding"])
def test_drawn_chunks(kind, what):
    made, other = (kind(*what, 6, seed, np.float32) for seed in (5, 6))

    def drawn(chunk):
        return tuple(chunk.xs[0].ravel())

    assert all(x.dtype == np.float32 for x in [*made.chunk(0).xs, made.chunk(0).targets[-1]])
    assert made.chunk(0).fresh
    assert drawn(made.chunk(4)) == drawn(made.chunk(4))
    every = [made.chunk(0), made.chunk(1), other.chunk(0), *made.held_out()]
    assert len({drawn(chunk) for chunk in every}) == len(every) == 7


def test_one_number_cannot_be_added():
    with pytest.raises(ValueError, match="steps = 1: the adding problem marks two of so many numbers"):
        Adding(1, 2, 0, np.float64)
