"""Jobs stand in a line, are done one after another by one process, and none is lost."""

import json
import os
import signal
import threading

import pytest

pytest.importorskip("tyro")


from sfumato.cli import main
from sfumato.errors import UserError
from sfumato.studio import jobs as made
from sfumato.studio.job import DONE, FAILED, OUT, RUNNING, STOPPED, WAITING, Job
from sfumato.studio.jobs import Jobs
from sfumato.studio.place import Place

from .browser import until

ENDED = (DONE, FAILED, STOPPED)
ONE = ["digits", "generate", OUT, "--digits", "7", "--datasets", "mnistm", "--count", "1", "--steps", "2"]
SLOW = [*ONE[:-4], "--count", "8", "--steps", "25", "--batch-size", "1"]
"""Some seconds, a picture after another."""
ENDLESS = [*ONE[:-4], "--count", "500", "--steps", "50"]


def asked(argv, form="digits", **more):
    return {"form": form, "values": {"a": 1}, "argv": argv, **more}


def opened(folder):
    place = Place(folder)
    (folder / "sent" / "note.json").write_text("{}")
    return Jobs(place)


@pytest.fixture(scope="module")
def line(tmp_path_factory):
    """A line of jobs and a process that works at them."""
    jobs = opened(tmp_path_factory.mktemp("studio"))
    yield jobs
    jobs.close()


def place_of(jobs):
    return jobs._place


def ended(jobs, *some):
    until(lambda: all(jobs.one(job.number).state in ENDED for job in some))
    return [jobs.one(job.number).state for job in some]


def painted(jobs, job):
    return sorted((place_of(jobs).folder / job.out).rglob("*.png"))


def in_the_middle(jobs, job):
    """Wait until a job has left a picture."""
    until(lambda: painted(jobs, job) or jobs.one(job.number).state in ENDED)
    assert jobs.one(job.number).state == RUNNING


def bytes_of(folder):
    return {path.name: path.read_bytes() for path in folder.rglob("*.png")}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """What SLOW paints where nothing stops it."""
    folder = tmp_path_factory.mktemp("whole")
    assert main([word.replace(OUT, str(folder)) for word in SLOW]) == 0
    assert len(bytes_of(folder)) == 8
    return bytes_of(folder)


def test_jobs_are_done_in_their_order(line):
    some = [line.add(**asked(ONE, watched=True, readings=True)), *(line.add(**asked(ONE)) for _ in range(2))]
    assert [job.number for job in some] == [1, 2, 3] and [job.out for job in some][1:] == ["0002-digits", "0003-digits"]
    assert ended(line, *some) == [DONE] * 3
    assert some[0].ended <= some[1].began <= some[1].ended <= some[2].began
    first, second, third = (bytes_of(place_of(line).folder / job.out) for job in some)
    assert first == second == third and list(first) == ["7_001.png"]
    assert [job.number for job in line.all()] == [3, 2, 1]
    assert not (line.folder(some[1]) / "steps").exists() and not (line.folder(some[1]) / "readings.json").exists()


def test_steps_and_readings_are_left_where_they_are_asked_for(line):
    own = line.folder(line.one(1))
    assert sorted(path.name for path in (own / "steps").iterdir()) == [
        f"{name}-{step:04d}.png" for name in ("x_0", "x_t") for step in range(3)
    ]
    read = json.loads((own / "readings.json").read_text())
    assert list(read) == ["mnistm/7_001.png"] and read["mnistm/7_001.png"]["digit"] in range(10)
    assert line.one(1).progress["step"] == line.one(1).progress["of"] == 2


def test_what_a_command_says_is_its_log_s_and_what_is_wrong_is_the_job_s_line(line):
    good, bad = line.add(**asked(["info", "sent/note.json"])), line.add(**asked(["info", "sent/umber.json"]))
    assert ended(line, good, bad)[1] == FAILED
    assert "sent/note.json" in made.log_of(line.folder(good))
    assert "sent/umber.json" in bad.line and not bad.line.startswith("sfumato") and "\n" not in bad.line
    assert made.log_of(line.folder(bad), most=3) == made.log_of(line.folder(bad))[-3:]


def test_a_job_that_waits_and_one_that_runs_are_stopped(line):
    running, waiting = line.add(**asked(ENDLESS)), line.add(**asked(ONE))
    until(lambda: line.one(running.number).progress)
    assert (running.state, waiting.state) == (RUNNING, WAITING)
    line.stop(waiting.number)
    assert (waiting.state, waiting.line) == (STOPPED, "taken out of the line")
    process = line._working._process
    line.stop(running.number)
    line.stop(running.number)
    until(lambda: running.state != RUNNING, seconds=9)
    assert (running.state, running.line) == (STOPPED, "stopped; it can go on")
    # The process does the next one too, and the stop was not meant for that.
    line.go_on(waiting.number)
    assert ended(line, waiting) == [DONE]
    assert line._working._process is process and waiting.line == ""


def test_a_job_that_is_stopped_before_its_command_begins_is_stopped(line):
    for _ in range(5):
        job = line.add(**asked(ENDLESS))
        until(lambda job=job: job.state == RUNNING)
        line.stop(job.number)
        until(lambda job=job: job.state != RUNNING, seconds=9)
        assert job.state == STOPPED


def test_a_stopped_job_goes_on_where_it_was(line, whole):
    job = line.add(**asked(SLOW))
    in_the_middle(line, job)
    line.stop(job.number)
    assert ended(line, job) == [STOPPED]
    before = {path: path.stat().st_mtime_ns for path in painted(line, job)}
    assert 1 <= len(before) < 8
    line.go_on(job.number)
    assert ended(line, job) == [DONE]
    assert bytes_of(place_of(line).folder / job.out) == whole
    assert {path: path.stat().st_mtime_ns for path in before} == before
    with pytest.raises(UserError, match="is done; only what was stopped goes on"):
        line.go_on(job.number)
    assert line.stop(job.number).state == DONE


def test_a_process_that_ends_fails_its_job_and_no_other(line, whole):
    job, other = line.add(**asked(SLOW)), line.add(**asked(ONE))
    in_the_middle(line, job)
    os.kill(line._working._process.pid, signal.SIGKILL)
    assert ended(line, job, other) == [FAILED, DONE]
    assert "perhaps for want of memory" in job.line
    line.go_on(job.number)
    assert ended(line, job) == [DONE]
    assert bytes_of(place_of(line).folder / job.out) == whole


def test_what_a_closed_studio_worked_at_is_done_by_the_next(tmp_path, whole):
    jobs = opened(tmp_path)
    running, waiting = jobs.add(**asked(SLOW)), jobs.add(**asked(ONE))
    in_the_middle(jobs, running)
    process = jobs._working._process
    jobs.close()
    assert process.returncode == -signal.SIGKILL
    assert json.loads((tmp_path / "jobs" / "0001.json").read_text())["state"] == RUNNING
    assert len(painted(jobs, running)) < 8
    again = opened(tmp_path)
    try:
        assert ended(again, running, waiting) == [DONE, DONE]
        assert again.one(1).began <= again.one(1).ended <= again.one(2).began
        assert bytes_of(tmp_path / running.out) == whole
        assert again.one(1).values == {"a": 1}
    finally:
        again.close()


class Acted:
    """In place of a worker: each job waits for its turn, and ends with what the test says."""

    def __init__(self, folder):
        self.turn, self.status, self.heeds, self.interrupts = threading.Event(), 0, 1, []

    def do(self, asked, heard):
        self.asked = asked
        self.turn.wait()
        return self.status

    def interrupt(self, kill=False):
        self.interrupts.append(kill)
        if len(self.interrupts) >= self.heeds:
            self.status = 2
            self.turn.set()

    def close(self):
        self.turn.set()


@pytest.fixture
def acted(tmp_path, monkeypatch):
    """Opens a line without a process."""
    monkeypatch.setattr(made, "Working", Acted)
    monkeypatch.setattr(made, "_AGAIN", 0.01)
    there = []

    def make():
        there.append(Jobs(Place(tmp_path)))
        return there[-1]

    yield make
    for one in there:
        one.close()


def test_an_interrupt_that_is_not_heeded_is_repeated(acted):
    jobs = acted()
    jobs._working.heeds = 4
    job = jobs.add(**asked(ONE))
    until(lambda: job.state == RUNNING)
    jobs.stop(job.number)
    until(lambda: job.state == STOPPED)
    assert jobs._working.interrupts == [False] * 4


def test_who_does_not_heed_for_long_is_killed(acted, monkeypatch):
    monkeypatch.setattr(made, "_PATIENCE", 0.0)
    jobs = acted()
    jobs._working.heeds = 2
    job = jobs.add(**asked(ONE))
    until(lambda: job.state == RUNNING)
    jobs.stop(job.number)
    until(lambda: job.state == STOPPED)
    assert jobs._working.interrupts[-1] is True


def test_a_job_that_ends_by_itself_just_then_is_done(acted):
    jobs = acted()
    jobs._working.heeds = 10**6
    job = jobs.add(**asked(ONE))
    until(lambda: job.state == RUNNING)
    jobs.stop(job.number)
    jobs._working.turn.set()
    until(lambda: job.state == DONE)
    count = len(jobs._working.interrupts)
    other = jobs.add(**asked(ONE))
    until(lambda: other.state == DONE)
    assert len(jobs._working.interrupts) == count


def test_the_job_s_folder_goes_where_the_form_says(acted):
    jobs = acted()
    words = ["a", OUT, f"{OUT}/again.png", f"{OUT}er", "{out}", f"a {OUT}"]
    job = jobs.add(**asked(words, form="own-learn"))
    assert job.argv == ["a", "0001-own", "0001-own/again.png", f"{OUT}er", "{out}", f"a {OUT}"]
    assert jobs.add(**asked(words, out="0001-own")).argv[1] == "0001-own"


def test_the_line_has_an_end(acted):
    jobs = acted()
    some = [jobs.add(**asked(ONE)) for _ in range(100)]
    with pytest.raises(UserError, match="100 jobs wait already"):
        jobs.add(**asked(ONE))
    jobs.stop(some[-1].number)
    assert jobs.add(**asked(ONE)).number == 101


@pytest.mark.parametrize("number", [0, 2, -1, 10**6])
def test_a_job_that_is_not_there_is_said(acted, number):
    jobs = acted()
    jobs.add(**asked(ONE))
    for do in (jobs.one, jobs.stop, jobs.go_on):
        with pytest.raises(UserError, match=f"job {number}: is not there any more"):
            do(number)


def test_a_job_is_a_file_from_its_beginning(acted, tmp_path):
    job = acted().add(**asked(ONE, window="w", watched=True))
    until(lambda: job.state == RUNNING)
    told = json.loads((tmp_path / "jobs" / "0001.json").read_text())
    assert (told["state"], told["window"], told["watched"], told["argv"][2]) == (RUNNING, "w", True, "0001-digits")


def test_files_that_are_no_jobs_are_left_alone(acted, tmp_path):
    from dataclasses import asdict

    (tmp_path / "jobs").mkdir()
    good = asdict(Job(7, "digits", {}, ["info"], "0007-digits", state=DONE))
    texts = {
        "0007": json.dumps(good),
        "0001": "",
        "0002": "umber",
        "0003": "[]",
        "0004": json.dumps({"number": 4}),
        "0005": json.dumps({**good, "number": 5, "umber": 1}),
        "0006": json.dumps({**good, "number": "6"}),
        "0008": json.dumps({**good, "number": 8, "argv": "info"}),
        "0009": json.dumps({**good, "number": 9, "argv": ["info", 3]}),
        "0010": json.dumps({**good, "number": 10, "values": None}),
        "0011": json.dumps({**good, "number": 12}),
        "0012": "[" * 100_000,
        "0013": '{"number": \xff}',
        "umber": json.dumps(good),
    }
    for name, text in texts.items():
        (tmp_path / "jobs" / f"{name}.json").write_bytes(text.encode("latin-1"))
    (tmp_path / "jobs" / "0014.json").mkdir()
    jobs = acted()
    assert [asdict(job) for job in jobs.all()] == [good]
    assert (tmp_path / "jobs" / "0001.json").read_bytes() == b""
