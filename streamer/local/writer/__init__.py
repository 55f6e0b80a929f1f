"""Writes synthetic news to the sentiment table, as a scraper and a scorer would.

`vocabulary` has the words, `story` the writes of one item, `news` the times of stories; `writer` makes the writes.
"""

from streamer.local.writer.news import news
from streamer.local.writer.story import TableWrite
from streamer.local.writer.writer import NewsWriter

__all__ = ["NewsWriter", "TableWrite", "news"]
