"""Tables of any size: what a verdict needs of them, in bounded memory.

- `rows`: the rows that a joint verdict looks at
"""
