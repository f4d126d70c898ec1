-- expand: what placeholders stand for is kept with the run, people are erased with a receipt, and
-- master keys can be changed.
-- Of what was wrapped before, the first process that knows says by which key it was.
ALTER TABLE subject_keys ADD COLUMN master TEXT COLLATE "C" NOT NULL DEFAULT '';

CREATE TABLE pseudonyms (
    run TEXT COLLATE "C" NOT NULL PRIMARY KEY REFERENCES runs (id),
    wrapped BYTEA NOT NULL, -- the run's own key
    master TEXT COLLATE "C" NOT NULL,  -- the id of the master key that wraps it
    bytes BYTEA NOT NULL,   -- placeholders, each with its sealed original
    revision BIGINT NOT NULL,
    changed_at BIGINT NOT NULL
);

CREATE TABLE erasures (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    contact TEXT COLLATE "C" NOT NULL UNIQUE,
    at BIGINT NOT NULL,
    hash TEXT COLLATE "C" NOT NULL, -- of the receipt; the trail has it too
    data TEXT COLLATE "C" NOT NULL  -- the receipt
);

CREATE TABLE master_keys (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    known_at BIGINT NOT NULL,
    retired_at BIGINT -- NULL: it wraps
);
