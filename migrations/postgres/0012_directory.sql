-- expand: which accounts changed their names, addresses or numbers, in the order in which they did, so
-- that every process keeps its directory of them up to date by reading what is new. An older
-- program beside this one changes accounts without a mark; the directory is read whole at a start.

ALTER TABLE accounts ADD COLUMN revision BIGINT NOT NULL DEFAULT 0;
CREATE INDEX accounts_by_revision ON accounts (revision, id);
