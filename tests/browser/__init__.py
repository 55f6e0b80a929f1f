"""What a person sees in a browser: the page, driven in Debian's chromium against streams that the tests script."""
