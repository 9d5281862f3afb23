"""Pictures in and out: between files and tensors, and many on one sheet."""

from .axes import draw_on
from .colours import on_white
from .films import FILM_ENDINGS, check_film, clear_paper, read_film, save_film, text_size
from .fonts import INK, folded, font, text_box, write
from .listing import PICTURE_ENDINGS, exactly_pngs, graded_files, picture_entries, picture_files, pictures_among
from .marks import crossed_out, marked_sheet
from .opening import MOST_PIXELS, begins_as_picture, graders_picture, open_drawing, open_picture, open_with_alpha
from .parameters import KEY as PARAMETERS
from .parameters import Parameters, parameters_text, read_parameters
from .pixels import RANGES, from_pixels, to_pixels, to_range
from .rows import Row, rows_with_words
from .saving import note_in, save_image, save_png, texts_in
from .shares import Answered, with_bars
from .sheets import captioned, labelled_grid, sheet, sheet_cells

__all__ = [
    "FILM_ENDINGS",
    "INK",
    "MOST_PIXELS",
    "PARAMETERS",
    "PICTURE_ENDINGS",
    "RANGES",
    "Answered",
    "Parameters",
    "Row",
    "begins_as_picture",
    "captioned",
    "check_film",
    "clear_paper",
    "crossed_out",
    "draw_on",
    "exactly_pngs",
    "folded",
    "font",
    "from_pixels",
    "graded_files",
    "graders_picture",
    "labelled_grid",
    "marked_sheet",
    "note_in",
    "on_white",
    "open_drawing",
    "open_picture",
    "open_with_alpha",
    "parameters_text",
    "picture_entries",
    "picture_files",
    "pictures_among",
    "read_film",
    "read_parameters",
    "rows_with_words",
    "save_film",
    "save_image",
    "save_png",
    "sheet",
    "sheet_cells",
    "text_box",
    "text_size",
    "texts_in",
    "to_pixels",
    "to_range",
    "with_bars",
    "write",
]
