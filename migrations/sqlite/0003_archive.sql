-- expand: history that is over moves to files; what moved, where to, and how it can be checked,
-- stays.

CREATE TABLE archives (
    number INTEGER NOT NULL PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,      -- of the file
    kind TEXT NOT NULL,             -- runs, streams or checkpoints
    sha256 TEXT NOT NULL,           -- of the file, in hex
    bytes INTEGER NOT NULL,         -- of the file
    items INTEGER NOT NULL,         -- runs, stretches of streams, or checkpoints
    events INTEGER NOT NULL,
    root BLOB NOT NULL,             -- Merkle root over what it holds; the trail has it too
    first_at INTEGER NOT NULL,
    last_at INTEGER NOT NULL,
    archived_at INTEGER NOT NULL,
    pruned_at INTEGER               -- NULL: its rows are still here
) STRICT;
CREATE INDEX archives_unpruned ON archives (number) WHERE pruned_at IS NULL;

-- The end of each stretch of a stream that is in a file. Of a run's stream that is all of it.
CREATE TABLE archived (
    stream TEXT NOT NULL,
    seq INTEGER NOT NULL,
    hash BLOB NOT NULL,
    archive INTEGER NOT NULL REFERENCES archives (number),
    PRIMARY KEY (stream, seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX archived_by_archive ON archived (archive, stream);

-- The file that has the heads of a checkpoint; NULL: they are in `checkpoint_heads`.
ALTER TABLE checkpoints ADD COLUMN archive INTEGER;
CREATE INDEX checkpoints_with_heads ON checkpoints (number) WHERE archive IS NULL;

-- The one gate through which events leave: only what is there can be noted as archived, a run's
-- stream only whole, a note is final, and without one nothing is deleted.
CREATE TRIGGER archived_is_what_happened BEFORE INSERT ON archived
WHEN NOT EXISTS (
    SELECT 1 FROM events WHERE stream = NEW.stream AND seq = NEW.seq AND hash = NEW.hash
) OR (NEW.stream LIKE 'run\_%' ESCAPE '\' AND NOT EXISTS (
    SELECT 1 FROM streams WHERE name = NEW.stream AND seq = NEW.seq AND hash = NEW.hash
))
BEGIN
    SELECT RAISE(ABORT, 'only the end of a stream that is there can be noted as archived');
END;
CREATE TRIGGER archived_is_not_updated BEFORE UPDATE ON archived
BEGIN
    SELECT RAISE(ABORT, 'what is archived is never changed');
END;
CREATE TRIGGER archived_is_not_deleted BEFORE DELETE ON archived
BEGIN
    SELECT RAISE(ABORT, 'what is archived is never forgotten');
END;

DROP TRIGGER events_are_not_deleted;
CREATE TRIGGER events_are_not_deleted BEFORE DELETE ON events
WHEN NOT EXISTS (
    SELECT 1 FROM archived WHERE stream = OLD.stream AND seq >= OLD.seq
) OR (OLD.stream LIKE 'run\_%' ESCAPE '\' AND NOT EXISTS (
    SELECT 1 FROM archived JOIN streams ON streams.name = archived.stream
    AND streams.seq = archived.seq AND streams.hash = archived.hash
    WHERE archived.stream = OLD.stream
))
BEGIN
    SELECT RAISE(ABORT, 'events are never deleted before they are archived');
END;
