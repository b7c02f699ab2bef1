"""What each dialect of guest agents reads, made from a binding: a module a dialect.

Pure.  A dialect is `tree(guest)`: the paths below a guest's directory, and for each
what makes its octets when it is asked for.  Paths do not depend on the id or the name
that a dropped leaf may give the guest; what they make does.
"""
