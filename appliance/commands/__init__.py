"""What each word of the command line does.

Every module has `describe(word, parser)`: it adds the arguments, and sets `act`, which
takes them with the layout and returns the exit code.
"""
