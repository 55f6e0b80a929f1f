"""A small world in virtual time around the real hub, feed, delivery and poll: what the property 'no gap' is tested in.

`plan` says what happens and when; `world` has the clock, and makes it happen; `table`, `relay`, `container` and
`client` are its parts; `checks` is what must hold; `mutants` break one mechanism each, to show that the checks see it.
"""
