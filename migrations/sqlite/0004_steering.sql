-- expand: the versions of a playbook are found by its name, and a database says which program made
-- it what it is.

CREATE INDEX playbooks_by_name ON playbooks (name, loaded_at);

ALTER TABLE migrations ADD COLUMN program TEXT; -- the version that applied the step
