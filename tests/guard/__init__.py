"""The byte guard: recorded histories leave exactly the documents whose digests stand here.

A change of structure must not change a byte of a state or view document. Where a change means to,
`python -m tests.guard` writes the digests anew, and the commit says why.
"""
