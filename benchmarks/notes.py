"""What the figures do not say by themselves, by question: why, and what would get further."""

NOTES = {
    "decode": (
        "Nothing that reads documents can be faster than a decoder that skips what no view needs. "
        "The worker's own reading adds each document's identity, version and user."
    ),
    "stage_1": (
        "Where it is missed, the time goes into plain Python over many small values, not into "
        "JSON: some 500 calls a change. *Contributions and journal* names some 15 cells for a "
        "fact and, on both sides of a change, those of its user's history that can have moved, "
        "and adds their rows up by cell. *Plan* loads each user's history once, copies it, and "
        "counts facts into the copy, and encodes documents to know their size. What would "
        "get further: cells that hold more of what belongs together, so that a fact has fewer of "
        "them; a user's score kept in the hot document instead of computed on both sides; then "
        "compiling `ledger/` and `materializers/`, which are pure and fully typed."
    ),
    "end_to_end": (
        "Stage 1 itself is as above; the SDK's part is per request and per document: queries of "
        "up to 400 ids, commits of up to 100 operations, every document written and read by the "
        "standard library's JSON. What would get further: the savings of stage 1, and fewer bytes "
        "in entries and hot documents, which are two of three documents of a commit. By the clock "
        "the local endpoint, on the other core, is waited for as well."
    ),
    "request_units": (
        "A publishing run after every batch gives freshness that nobody asked for: each view that "
        "one change touches is read and written for it. That is why views have paces, and why the "
        "stream is what to judge by. The naive worker has no batches to save by, and no ledger: "
        "it counts repeated deliveries twice and takes nothing back. It is metered on the same "
        "traffic, sessions and incidents included, without polling. Of what is left, a hot "
        "document is replaced for 11.8 RU and an entry created for 5; the rest is view documents, "
        "above all one per user and month, and gets less with a slower pace for them."
    ),
    "state_size": (
        "Entries grow with documents, partials with days and with what is cited on them: a busier "
        "day shares its partials among more documents."
    ),
    "growth": (
        "Stage 1 reads the entries and users of its batch and nothing else, so what it holds does "
        "not matter to it. Stage 2 reads partials, which widen with distinct verses, topics and "
        "models, and are bounded by them."
    ),
}
