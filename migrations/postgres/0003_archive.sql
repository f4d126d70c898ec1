-- expand: history that is over moves to files; what moved, where to, and how it can be checked,
-- stays.

CREATE TABLE archives (
    number BIGINT NOT NULL PRIMARY KEY,
    name TEXT COLLATE "C" NOT NULL UNIQUE, -- of the file
    kind TEXT COLLATE "C" NOT NULL,        -- runs, streams or checkpoints
    sha256 TEXT COLLATE "C" NOT NULL,      -- of the file, in hex
    bytes BIGINT NOT NULL,                 -- of the file
    items BIGINT NOT NULL,                 -- runs, stretches of streams, or checkpoints
    events BIGINT NOT NULL,
    root BYTEA NOT NULL,                   -- Merkle root over what it holds; the trail has it too
    first_at BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    archived_at BIGINT NOT NULL,
    pruned_at BIGINT                       -- NULL: its rows are still here
);
CREATE INDEX archives_unpruned ON archives (number) WHERE pruned_at IS NULL;

-- The end of each stretch of a stream that is in a file. Of a run's stream that is all of it.
CREATE TABLE archived (
    stream TEXT COLLATE "C" NOT NULL,
    seq BIGINT NOT NULL,
    hash BYTEA NOT NULL,
    archive BIGINT NOT NULL REFERENCES archives (number),
    PRIMARY KEY (stream, seq)
);
CREATE INDEX archived_by_archive ON archived (archive, stream);

-- The file that has the heads of a checkpoint; NULL: they are in `checkpoint_heads`.
ALTER TABLE checkpoints ADD COLUMN archive BIGINT;
CREATE INDEX checkpoints_with_heads ON checkpoints (number) WHERE archive IS NULL;

-- The one gate through which events leave: only what is there can be noted as archived, a run's
-- stream only whole, a note is final, and without one nothing is deleted.
CREATE FUNCTION archived_is_what_happened() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (
        SELECT 1 FROM events WHERE stream = NEW.stream AND seq = NEW.seq AND hash = NEW.hash
    ) OR (NEW.stream LIKE 'run\_%' AND NOT EXISTS (
        SELECT 1 FROM streams WHERE name = NEW.stream AND seq = NEW.seq AND hash = NEW.hash
    )) THEN
        RAISE EXCEPTION 'only the end of a stream that is there can be noted as archived';
    END IF;
    RETURN NEW;
END;
$$;
CREATE TRIGGER archived_is_what_happened BEFORE INSERT ON archived
    FOR EACH ROW EXECUTE FUNCTION archived_is_what_happened();
CREATE FUNCTION archived_is_final() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'what is archived is never changed or forgotten';
END;
$$;
CREATE TRIGGER archived_is_final BEFORE UPDATE OR DELETE ON archived
    FOR EACH ROW EXECUTE FUNCTION archived_is_final();
CREATE TRIGGER archived_is_not_truncated BEFORE TRUNCATE ON archived
    FOR EACH STATEMENT EXECUTE FUNCTION archived_is_final();

CREATE FUNCTION events_leave_archived() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (
        SELECT 1 FROM archived WHERE stream = OLD.stream AND seq >= OLD.seq
    ) OR (OLD.stream LIKE 'run\_%' AND NOT EXISTS (
        SELECT 1 FROM archived JOIN streams ON streams.name = archived.stream
        AND streams.seq = archived.seq AND streams.hash = archived.hash
        WHERE archived.stream = OLD.stream
    )) THEN
        RAISE EXCEPTION 'events are never deleted before they are archived';
    END IF;
    RETURN OLD;
END;
$$;
DROP TRIGGER events_are_not_updated ON events;
CREATE TRIGGER events_are_not_updated BEFORE UPDATE ON events
    FOR EACH ROW EXECUTE FUNCTION events_are_final();
CREATE TRIGGER events_are_not_deleted BEFORE DELETE ON events
    FOR EACH ROW EXECUTE FUNCTION events_leave_archived();

-- Deleting an approval or a content would look through all messages and versions for these; an
-- index for that would be paid by every run. What belongs to a run leaves together with it.
ALTER TABLE versions DROP CONSTRAINT IF EXISTS versions_content_fkey;
ALTER TABLE messages DROP CONSTRAINT IF EXISTS messages_content_fkey;
ALTER TABLE messages DROP CONSTRAINT IF EXISTS messages_approval_fkey;

-- Rows of these change several times in a short life: room for their next state beside them, and
-- a vacuum long before a fifth of the table is dead.
ALTER TABLE runs SET (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02,
    autovacuum_vacuum_threshold = 1000, autovacuum_analyze_scale_factor = 0.05);
ALTER TABLE messages SET (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02,
    autovacuum_vacuum_threshold = 1000, autovacuum_analyze_scale_factor = 0.05);
ALTER TABLE approvals SET (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02,
    autovacuum_vacuum_threshold = 1000, autovacuum_analyze_scale_factor = 0.05);
ALTER TABLE streams SET (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02,
    autovacuum_vacuum_threshold = 1000);
ALTER TABLE tasks SET (fillfactor = 85, autovacuum_vacuum_scale_factor = 0.05,
    autovacuum_vacuum_threshold = 1000);
ALTER TABLE signals SET (fillfactor = 90, autovacuum_vacuum_scale_factor = 0.05,
    autovacuum_vacuum_threshold = 1000);
-- Rows of these are written once and leave in batches.
ALTER TABLE events SET (autovacuum_vacuum_scale_factor = 0.05,
    autovacuum_vacuum_insert_scale_factor = 0.1);
ALTER TABLE contents SET (autovacuum_vacuum_scale_factor = 0.05,
    autovacuum_vacuum_insert_scale_factor = 0.1);
