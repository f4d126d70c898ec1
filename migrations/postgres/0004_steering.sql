-- expand: people find runs by step and by version, and a database says which program made it so.

CREATE INDEX runs_by_step ON runs (step, started_at, id)
    WHERE status IN ('active', 'paused', 'stuck');
CREATE INDEX runs_by_version ON runs (version, started_at, id)
    WHERE status IN ('active', 'paused', 'stuck');
CREATE INDEX playbooks_by_name ON playbooks (name, loaded_at);

ALTER TABLE migrations ADD COLUMN program TEXT COLLATE "C"; -- the version that applied the step
