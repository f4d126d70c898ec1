-- expand: the queue in each of its orders, also that of one person, is read in an index, past what
-- is snoozed without a look at each row. Two indexes become a column longer under the names they have.

DROP INDEX approvals_by_risk;
CREATE INDEX approvals_by_risk ON approvals (status, risk_order, due_at, id, snoozed_until);
DROP INDEX approvals_by_due;
CREATE INDEX approvals_by_due ON approvals (status, due_at, id, snoozed_until);
CREATE INDEX approvals_by_newest ON approvals (status, queued_at, id, snoozed_until);
CREATE INDEX approvals_by_assignee ON approvals (assignee, risk_order, due_at, id, snoozed_until)
WHERE status = 'waiting';

-- No statement needs these any more: each has a longer one in its place, signals_by_lane and
-- messages_by_channel, by which an older program finds its rows too. They cost every signal and every
-- message a write at each of their changes.
DROP INDEX signals_untriggered;
DROP INDEX messages_due;
DROP INDEX messages_by_lane;
