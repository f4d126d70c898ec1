-- expand: signals wait in lanes, messages say how they travel. Every column has a default, so that
-- an older program works on beside this one: what it stores is in a lane of its own.

-- The kind, and the phase or the playbook where several listen to one kind.
ALTER TABLE signals ADD COLUMN lane TEXT COLLATE "C" NOT NULL DEFAULT '';
CREATE INDEX signals_by_lane ON signals (lane, received_at, id) WHERE triggered = 0;

-- The letter's, so that claims need not open it.
ALTER TABLE messages ADD COLUMN channel TEXT COLLATE "C" NOT NULL DEFAULT '';
CREATE INDEX messages_by_channel ON messages (channel, action, playbook, next_at, id)
WHERE settled_at IS NULL;
