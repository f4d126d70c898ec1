-- expand: what placeholders stand for is kept with the run, people are erased with a receipt, and
-- master keys can be changed.
-- Of what was wrapped before, the first process that knows says by which key it was.
ALTER TABLE subject_keys ADD COLUMN master TEXT NOT NULL DEFAULT '';

CREATE TABLE pseudonyms (
    run TEXT NOT NULL PRIMARY KEY REFERENCES runs (id),
    wrapped BLOB NOT NULL, -- the run's own key
    master TEXT NOT NULL,  -- the id of the master key that wraps it
    bytes BLOB NOT NULL,   -- placeholders, each with its sealed original
    revision INTEGER NOT NULL,
    changed_at INTEGER NOT NULL
) STRICT;

CREATE TABLE erasures (
    id TEXT NOT NULL PRIMARY KEY,
    contact TEXT NOT NULL UNIQUE,
    at INTEGER NOT NULL,
    hash TEXT NOT NULL, -- of the receipt; the trail has it too
    data TEXT NOT NULL  -- the receipt
) STRICT;

CREATE TABLE master_keys (
    id TEXT NOT NULL PRIMARY KEY,
    known_at INTEGER NOT NULL,
    retired_at INTEGER -- NULL: it wraps
) STRICT;
