"""What the records of a folder say together: leaderboards with means over seeds, in several forms. Free of torch."""

from hybridfuse.report.board import Entry, Leaderboard
from hybridfuse.report.folder import Records, Unreadable, read
from hybridfuse.report.leaderboard import leaderboard, leaderboards
from hybridfuse.report.row import Row

__all__ = ["Entry", "Leaderboard", "Records", "Row", "Unreadable", "leaderboard", "leaderboards", "read"]
