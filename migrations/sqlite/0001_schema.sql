-- Everything the product keeps. Times are microseconds since 1970 UTC, days are YYYY-MM-DD,
-- yes/no is 1/0, JSON is text. The PostgreSQL file declares the same tables and columns.

-- People and access -----------------------------------------------------------------------------

CREATE TABLE users (
    id TEXT NOT NULL PRIMARY KEY,
    email TEXT NOT NULL,
    email_key TEXT NOT NULL UNIQUE, -- in lower case
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    since TEXT,
    disabled_at INTEGER,
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE secrets (
    hash TEXT NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL,
    user_id TEXT NOT NULL REFERENCES users (id),
    scope TEXT,
    issued_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;

-- Customers -------------------------------------------------------------------------------------

CREATE TABLE accounts (
    id TEXT NOT NULL PRIMARY KEY,
    source TEXT NOT NULL,
    source_id TEXT NOT NULL,
    row_hash TEXT NOT NULL,
    name TEXT NOT NULL,
    name_key TEXT NOT NULL,   -- in lower case, for order and exact search
    search_key TEXT NOT NULL, -- name, domain and source id in lower case
    domain TEXT,
    industry TEXT,
    employees INTEGER,
    segment TEXT NOT NULL,
    tier TEXT NOT NULL,
    lifecycle TEXT NOT NULL,
    status TEXT NOT NULL,
    csm TEXT REFERENCES users (id),
    region TEXT,
    time_zone TEXT,
    arr_minor INTEGER NOT NULL,
    arr_currency TEXT NOT NULL,
    arr_given INTEGER NOT NULL, -- 0: computed from open subscriptions
    contract_start TEXT,
    renewal_date TEXT,
    renewal_given INTEGER NOT NULL, -- 0: computed from open subscriptions
    health REAL,
    previous_health REAL,
    health_at INTEGER,
    as_of INTEGER NOT NULL,
    UNIQUE (source, source_id)
) STRICT;
CREATE INDEX accounts_by_name ON accounts (name_key, id);
CREATE INDEX accounts_by_source_id ON accounts (source_id);

CREATE TABLE contacts (
    id TEXT NOT NULL PRIMARY KEY,
    account TEXT NOT NULL REFERENCES accounts (id),
    source TEXT NOT NULL,
    source_id TEXT NOT NULL,
    row_hash TEXT NOT NULL,
    email TEXT,
    given_name TEXT NOT NULL,
    family_name TEXT NOT NULL,
    title TEXT,
    role TEXT NOT NULL,
    phone TEXT,
    locale TEXT,
    time_zone TEXT,
    consent TEXT NOT NULL,
    opted_out_at INTEGER,
    bounced_at INTEGER,
    as_of INTEGER NOT NULL,
    UNIQUE (source, source_id)
) STRICT;
CREATE INDEX contacts_by_account ON contacts (account, id);

CREATE TABLE subscriptions (
    source TEXT NOT NULL,
    source_id TEXT NOT NULL,
    row_hash TEXT NOT NULL,
    account TEXT NOT NULL REFERENCES accounts (id),
    product TEXT NOT NULL,
    plan TEXT,
    starts_on TEXT NOT NULL,
    ends_on TEXT,
    seats INTEGER,
    arr_minor INTEGER NOT NULL,
    arr_currency TEXT NOT NULL,
    is_trial INTEGER NOT NULL,
    auto_renew INTEGER NOT NULL,
    as_of INTEGER NOT NULL,
    PRIMARY KEY (source, source_id)
) STRICT;
CREATE INDEX subscriptions_by_account ON subscriptions (account);

CREATE TABLE usage_days (
    source TEXT NOT NULL,
    source_id TEXT NOT NULL,
    row_hash TEXT NOT NULL,
    account TEXT NOT NULL REFERENCES accounts (id),
    day TEXT NOT NULL,
    feature TEXT NOT NULL,
    users INTEGER,
    events INTEGER NOT NULL,
    seconds INTEGER NOT NULL,
    errors INTEGER NOT NULL,
    as_of INTEGER NOT NULL,
    PRIMARY KEY (source, source_id)
) STRICT;
CREATE INDEX usage_days_by_account ON usage_days (account, day);

CREATE TABLE tickets (
    source TEXT NOT NULL,
    source_id TEXT NOT NULL,
    row_hash TEXT NOT NULL,
    account TEXT NOT NULL REFERENCES accounts (id),
    contact TEXT REFERENCES contacts (id),
    subject TEXT NOT NULL,
    body TEXT NOT NULL,
    priority TEXT NOT NULL,
    opened_at INTEGER NOT NULL,
    closed_at INTEGER,
    first_response_minutes INTEGER,
    csat INTEGER,
    escalated INTEGER NOT NULL,
    as_of INTEGER NOT NULL,
    PRIMARY KEY (source, source_id)
) STRICT;
CREATE INDEX tickets_by_account ON tickets (account, opened_at);

CREATE TABLE surveys (
    source TEXT NOT NULL,
    source_id TEXT NOT NULL,
    row_hash TEXT NOT NULL,
    account TEXT NOT NULL REFERENCES accounts (id),
    contact TEXT REFERENCES contacts (id),
    kind TEXT NOT NULL,
    score INTEGER NOT NULL,
    remark TEXT,
    answered_at INTEGER NOT NULL,
    as_of INTEGER NOT NULL,
    PRIMARY KEY (source, source_id)
) STRICT;
CREATE INDEX surveys_by_account ON surveys (account, kind, answered_at);

CREATE TABLE meetings (
    source TEXT NOT NULL,
    source_id TEXT NOT NULL,
    row_hash TEXT NOT NULL,
    account TEXT NOT NULL REFERENCES accounts (id),
    kind TEXT NOT NULL,
    held_at INTEGER NOT NULL,
    attendees TEXT NOT NULL, -- JSON array of contact ids
    notes TEXT NOT NULL,
    next_steps TEXT NOT NULL,
    as_of INTEGER NOT NULL,
    PRIMARY KEY (source, source_id)
) STRICT;
CREATE INDEX meetings_by_account ON meetings (account, held_at);

CREATE TABLE emails (
    source TEXT NOT NULL,
    source_id TEXT NOT NULL,
    row_hash TEXT NOT NULL,
    account TEXT NOT NULL REFERENCES accounts (id),
    contact TEXT REFERENCES contacts (id),
    thread TEXT NOT NULL,
    direction TEXT NOT NULL,
    subject TEXT NOT NULL,
    body TEXT NOT NULL,
    sent_at INTEGER NOT NULL,
    as_of INTEGER NOT NULL,
    PRIMARY KEY (source, source_id)
) STRICT;
CREATE INDEX emails_by_account ON emails (account, sent_at);

CREATE TABLE churns (
    source TEXT NOT NULL,
    source_id TEXT NOT NULL,
    row_hash TEXT NOT NULL,
    account TEXT NOT NULL REFERENCES accounts (id),
    day TEXT NOT NULL,
    reason TEXT NOT NULL,
    reactivation INTEGER NOT NULL,
    feedback TEXT,
    as_of INTEGER NOT NULL,
    PRIMARY KEY (source, source_id)
) STRICT;
CREATE INDEX churns_by_account ON churns (account, day);

-- Signals and runs ------------------------------------------------------------------------------

CREATE TABLE signals (
    id TEXT NOT NULL PRIMARY KEY,
    source TEXT NOT NULL,
    event_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    account TEXT NOT NULL REFERENCES accounts (id),
    happened_at INTEGER NOT NULL,
    received_at INTEGER NOT NULL,
    data TEXT NOT NULL,
    run TEXT,
    triggered INTEGER NOT NULL, -- whether triggers have looked at it
    UNIQUE (source, event_id)
) STRICT;
CREATE INDEX signals_untriggered ON signals (received_at, id) WHERE triggered = 0;
CREATE INDEX signals_by_kind ON signals (account, kind, received_at);
CREATE INDEX signals_by_account ON signals (account, received_at);

CREATE TABLE runs (
    id TEXT NOT NULL PRIMARY KEY,
    request_key TEXT NOT NULL UNIQUE,
    playbook TEXT NOT NULL,
    version TEXT NOT NULL,
    account TEXT NOT NULL REFERENCES accounts (id),
    cause TEXT NOT NULL,
    status TEXT NOT NULL,
    step TEXT NOT NULL,
    progress TEXT NOT NULL,
    wake_at INTEGER,
    wakes INTEGER NOT NULL,
    lease_token INTEGER NOT NULL,
    lease_until INTEGER, -- NULL: nobody holds it
    started_at INTEGER NOT NULL,
    changed_at INTEGER NOT NULL
) STRICT;
CREATE INDEX runs_due ON runs (status, wake_at, id) WHERE wake_at IS NOT NULL;
CREATE INDEX runs_by_start ON runs (started_at, id);
CREATE INDEX runs_by_status ON runs (status, started_at, id);
CREATE INDEX runs_by_playbook ON runs (playbook, account, started_at);
CREATE INDEX runs_by_account ON runs (account, started_at, id);

CREATE TABLE tasks (
    id TEXT NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL,
    account TEXT NOT NULL REFERENCES accounts (id),
    run TEXT NOT NULL REFERENCES runs (id),
    step TEXT NOT NULL,
    team TEXT NOT NULL,
    assignee TEXT REFERENCES users (id),
    title TEXT NOT NULL,
    body TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    due_at INTEGER NOT NULL,
    status TEXT NOT NULL,
    outcome TEXT,
    UNIQUE (run, step)
) STRICT;
CREATE INDEX tasks_by_due ON tasks (due_at, id);
CREATE INDEX tasks_by_status ON tasks (status, due_at, id);
CREATE INDEX tasks_by_account ON tasks (account, due_at, id);

-- Approvals, content and messages ---------------------------------------------------------------

CREATE TABLE subject_keys (
    contact TEXT NOT NULL PRIMARY KEY,
    wrapped BLOB,          -- NULL: destroyed
    made_at INTEGER NOT NULL,
    destroyed_at INTEGER
) STRICT;

CREATE TABLE contents (
    id TEXT NOT NULL PRIMARY KEY,
    subject TEXT NOT NULL,
    bytes BLOB NOT NULL
) STRICT;
CREATE INDEX contents_by_subject ON contents (subject);

CREATE TABLE approvals (
    id TEXT NOT NULL PRIMARY KEY,
    run TEXT NOT NULL REFERENCES runs (id),
    step TEXT NOT NULL,
    playbook TEXT NOT NULL,
    account TEXT NOT NULL REFERENCES accounts (id),
    contact TEXT NOT NULL,
    action TEXT NOT NULL,
    risk_order INTEGER NOT NULL, -- 0: high, so that everything sorts upwards
    assignee TEXT REFERENCES users (id),
    queued_at INTEGER NOT NULL,
    due_at INTEGER NOT NULL,
    status TEXT NOT NULL,
    snoozed_until INTEGER,
    revision INTEGER NOT NULL,
    data TEXT NOT NULL
) STRICT;
CREATE INDEX approvals_by_risk ON approvals (status, risk_order, due_at, id);
CREATE INDEX approvals_by_due ON approvals (status, due_at, id);
CREATE INDEX approvals_by_queued ON approvals (queued_at, id);
CREATE INDEX approvals_by_run ON approvals (run);
CREATE INDEX approvals_by_account ON approvals (account, queued_at, id);

CREATE TABLE versions (
    approval TEXT NOT NULL REFERENCES approvals (id),
    number INTEGER NOT NULL,
    content TEXT NOT NULL REFERENCES contents (id),
    data TEXT NOT NULL,
    PRIMARY KEY (approval, number)
) STRICT;

CREATE TABLE messages (
    id TEXT NOT NULL PRIMARY KEY,
    approval TEXT NOT NULL REFERENCES approvals (id),
    run TEXT NOT NULL REFERENCES runs (id),
    step TEXT NOT NULL,
    account TEXT NOT NULL REFERENCES accounts (id),
    contact TEXT NOT NULL,
    content TEXT NOT NULL REFERENCES contents (id),
    binding TEXT NOT NULL,
    status TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    next_at INTEGER NOT NULL,
    note TEXT NOT NULL,
    queued_at INTEGER NOT NULL,
    settled_at INTEGER,
    token INTEGER NOT NULL,
    lease_until INTEGER -- NULL: nobody holds it
) STRICT;
CREATE INDEX messages_due ON messages (next_at, id) WHERE settled_at IS NULL;
CREATE INDEX messages_by_queued ON messages (queued_at, id);
CREATE INDEX messages_by_status ON messages (status, queued_at, id);
CREATE INDEX messages_by_run ON messages (run);

CREATE TABLE kills (
    scope TEXT NOT NULL PRIMARY KEY,
    actor TEXT NOT NULL,
    engaged_at INTEGER NOT NULL,
    reason TEXT NOT NULL
) STRICT;

-- What is in force ------------------------------------------------------------------------------

CREATE TABLE playbooks (
    version TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    files TEXT NOT NULL,
    active INTEGER NOT NULL,
    loaded_at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX playbooks_active ON playbooks (name) WHERE active = 1;

CREATE TABLE policies (
    version TEXT NOT NULL PRIMARY KEY,
    files TEXT NOT NULL,
    active INTEGER NOT NULL,
    activated_at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX policies_active ON policies (active) WHERE active = 1;

CREATE TABLE schedules (
    playbook TEXT NOT NULL PRIMARY KEY,
    next_at INTEGER NOT NULL
) STRICT;
CREATE INDEX schedules_due ON schedules (next_at);

-- The audit trail -------------------------------------------------------------------------------

CREATE TABLE streams (
    name TEXT NOT NULL PRIMARY KEY,
    seq INTEGER NOT NULL,
    hash BLOB NOT NULL,
    covered INTEGER NOT NULL -- the number the latest checkpoint covers
) STRICT;
CREATE INDEX streams_uncovered ON streams (name) WHERE covered < seq;

CREATE TABLE events (
    stream TEXT NOT NULL REFERENCES streams (name),
    seq INTEGER NOT NULL,
    at INTEGER NOT NULL,
    actor TEXT NOT NULL,
    data TEXT NOT NULL,
    prev BLOB NOT NULL,
    hash BLOB NOT NULL,
    PRIMARY KEY (stream, seq)
) STRICT;
CREATE INDEX events_by_time ON events (at);

CREATE TRIGGER events_are_not_updated BEFORE UPDATE ON events
BEGIN
    SELECT RAISE(ABORT, 'events are never changed');
END;
CREATE TRIGGER events_are_not_deleted BEFORE DELETE ON events
BEGIN
    SELECT RAISE(ABORT, 'events are never deleted');
END;

CREATE TABLE checkpoints (
    number INTEGER NOT NULL PRIMARY KEY,
    at INTEGER NOT NULL,
    root BLOB NOT NULL,
    prev BLOB NOT NULL,
    hash BLOB NOT NULL
) STRICT;

CREATE TABLE checkpoint_heads (
    number INTEGER NOT NULL REFERENCES checkpoints (number),
    stream TEXT NOT NULL,
    seq INTEGER NOT NULL,
    hash BLOB NOT NULL,
    PRIMARY KEY (number, stream)
) STRICT;
