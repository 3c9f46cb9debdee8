"""Leaderboards as LaTeX, with booktabs. Free of torch."""

from collections.abc import Sequence

from hybridfuse.report.board import Leaderboard
from hybridfuse.report.sheet import sheet

_ESCAPES = str.maketrans(
    {
        **{character: f"\\{character}" for character in "&%$#_{}"},
        "\\": r"\textbackslash{}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        "<": r"\textless{}",
        ">": r"\textgreater{}",
        "|": r"\textbar{}",
        "±": r"$\pm$",
    }
)


def text(boards: Sequence[Leaderboard]) -> str:
    """A table environment a leaderboard; the best and those not significantly worse in bold."""
    return "% needs \\usepackage{booktabs}\n" + "\n".join(map(_table, boards))


def _table(board: Leaderboard) -> str:
    found = sheet(board)
    rows = [
        [_cell(cell, marked and column.marks, column.words) for cell, column in zip(row, found.columns, strict=True)]
        for row, marked in zip(found.rows, found.marked, strict=True)
    ]
    headings = [_cell(column.heading, False, True) for column in found.columns]
    caption = escaped(" ".join([f"{found.title}.", *found.below]))
    return "\n".join(
        [
            r"\begin{table}",
            r"\centering",
            rf"\caption{{{caption}}}",
            rf"\begin{{tabular}}{{{''.join('l' if column.words else 'r' for column in found.columns)}}}",
            r"\toprule",
            rf"{' & '.join(headings)} \\",
            r"\midrule",
            *(rf"{' & '.join(cells)} \\" for cells in rows),
            r"\bottomrule",
            r"\end{tabular}",
            r"\end{table}",
            "",
        ]
    )


def _cell(text: str, marked: bool, words: bool) -> str:
    """Bold where marked; a minus of numbers as long as a plus."""
    found = escaped(text) if words else escaped(text).replace("-", "$-$")
    return rf"\textbf{{{found}}}" if marked and found else found


def escaped(text: str) -> str:
    """Text that LaTeX prints as it is."""
    return text.translate(_ESCAPES)
