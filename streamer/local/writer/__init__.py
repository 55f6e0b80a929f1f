"""Synthetic news, written to the sentiment table as a scraper and a scorer would.

`vocabulary` holds the words, `story` what becomes of one item, `news` when which story breaks; `writer` writes it.
"""

from streamer.local.writer.news import news
from streamer.local.writer.story import TableWrite
from streamer.local.writer.writer import NewsWriter

__all__ = ["NewsWriter", "TableWrite", "news"]
