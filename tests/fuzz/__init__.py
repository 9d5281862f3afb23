"""Bytes of every kind for the readers of files: each must answer or refuse, soon and in little memory, and do nothing.

`python -m tests.fuzz.run --minutes 60` lets a coverage-guided fuzzer (atheris) look for what does not; `test_fuzz.py`
replays the corpus and some thousand seeded mutations of it.
"""
