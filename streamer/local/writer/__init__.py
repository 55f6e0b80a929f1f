"""Writes generated news to the sentiment table, as a scraper and a scorer would.

`vocabulary` has the texts, `story` plans the writes of an item, `news` the times of stories; `writer` makes the writes.
"""

from streamer.local.writer.news import news
from streamer.local.writer.story import TableWrite
from streamer.local.writer.writer import NewsWriter

__all__ = ["NewsWriter", "TableWrite", "news"]
