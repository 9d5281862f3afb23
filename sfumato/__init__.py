"""sfumato: a small, exact, fast diffusion library and command-line tool.

The mathematics is in `sfumato.diffusion`; the jobs are `sfumato.digits` and its neighbours. Nothing is imported here,
so that `import sfumato` costs nothing.
"""

__version__ = "0.1.0"
