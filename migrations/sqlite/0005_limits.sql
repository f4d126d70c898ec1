-- expand: fair shares, bounds and rates. Every column has a default, so that an older program works
-- on beside this one: its runs are normal, its messages are in a lane of their own.

ALTER TABLE runs ADD COLUMN priority TEXT NOT NULL DEFAULT 'normal';
ALTER TABLE runs ADD COLUMN claims INTEGER NOT NULL DEFAULT 0; -- since the last turn that was committed
CREATE INDEX runs_by_lane ON runs (priority, playbook, wake_at, id)
WHERE status = 'active' AND wake_at IS NOT NULL;
-- What is in workers' hands, and nothing else.
CREATE INDEX runs_held ON runs (account) WHERE lease_until IS NOT NULL;

ALTER TABLE playbooks ADD COLUMN concurrency INTEGER; -- NULL: no bound

-- The approval's, so that claims need not look there; '' in what an older program wrote.
ALTER TABLE messages ADD COLUMN playbook TEXT NOT NULL DEFAULT '';
ALTER TABLE messages ADD COLUMN action TEXT NOT NULL DEFAULT '';
ALTER TABLE messages ADD COLUMN claims INTEGER NOT NULL DEFAULT 0; -- since the last outcome
ALTER TABLE messages ADD COLUMN begun_at INTEGER; -- when it was last about to be handed over
UPDATE messages
SET playbook = (SELECT approvals.playbook FROM approvals WHERE approvals.id = messages.approval),
    action = (SELECT approvals.action FROM approvals WHERE approvals.id = messages.approval)
WHERE settled_at IS NULL;
CREATE INDEX messages_by_lane ON messages (action, playbook, next_at, id) WHERE settled_at IS NULL;
CREATE INDEX messages_begun ON messages (playbook, begun_at) WHERE begun_at IS NOT NULL;

-- Permits of rates: the next one is there when `tat`, the theoretical arrival time of the generic
-- cell rate algorithm, is no further ahead than those that may come at once.
CREATE TABLE rates (
    key TEXT NOT NULL PRIMARY KEY,
    every INTEGER NOT NULL,
    burst INTEGER NOT NULL,
    tat INTEGER NOT NULL,
    wanted INTEGER NOT NULL,
    granted INTEGER NOT NULL
) STRICT;

-- From when messages of a playbook count towards its sends per hour: a person released it then.
CREATE TABLE blasts (
    playbook TEXT NOT NULL PRIMARY KEY,
    since INTEGER NOT NULL
) STRICT;
