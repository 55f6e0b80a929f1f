"""`streamer watch`: a table of tickers that changes in place.

command ─► session (follows the stream, reads keys) ─► board (what is known of each ticker) ─► rich
"""
