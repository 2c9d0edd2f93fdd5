"""Compare what a source has with what its tables hold, down to the rows that differ.

Both ends are asked for the same rows: the source through its reader and the mapping, as in a
job; the destination by a SELECT. Values of both are brought to one type and compared in an
embedded database, which spills to disk. Where both engines can render rows alike, sums of
hashes by key range, made inside of them, say first which ranges need that at all.
"""
