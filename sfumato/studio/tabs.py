"""The tabs of the page, and the forms in each."""

from typing import Dict, NamedTuple, Tuple

from .concept_forms import CONCEPTS, LEARN
from .digit_forms import DIGITS
from .face_forms import BETWEEN, ETA, INVERT
from .forms import Form
from .other_forms import AGAIN, CLASSIFY, GRID, REPORT
from .own_forms import OWN_LEARN, OWN_PAINT


class Tab(NamedTuple):
    """A tab."""

    name: str
    title: str
    forms: Tuple[Form, ...]


TABS = (
    Tab("digits", "Digits", (DIGITS,)),
    Tab("faces", "Faces", (ETA, BETWEEN, INVERT)),
    Tab("concepts", "Concepts", (CONCEPTS, LEARN)),
    Tab("own", "Your pictures", (OWN_LEARN, OWN_PAINT)),
    Tab("grid", "Grid", (GRID,)),
    Tab("classify", "Classify", (CLASSIFY,)),
    Tab("runs", "Runs", (REPORT,)),
)
FORMS: Dict[str, Form] = {form.name: form for tab in TABS for form in tab.forms}
FORMS[AGAIN.name] = AGAIN
