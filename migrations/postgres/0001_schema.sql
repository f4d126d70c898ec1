-- Everything the product keeps. Times are microseconds since 1970 UTC, days are YYYY-MM-DD,
-- yes/no is 1/0, JSON is text. The SQLite file declares the same tables and columns.
-- Text is compared byte by byte, as SQLite does.

-- People and access -----------------------------------------------------------------------------

CREATE TABLE users (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    email TEXT COLLATE "C" NOT NULL,
    email_key TEXT COLLATE "C" NOT NULL UNIQUE, -- in lower case
    name TEXT COLLATE "C" NOT NULL,
    role TEXT COLLATE "C" NOT NULL,
    since TEXT COLLATE "C",
    disabled_at BIGINT,
    created_at BIGINT NOT NULL
);

CREATE TABLE secrets (
    hash TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    kind TEXT COLLATE "C" NOT NULL,
    user_id TEXT COLLATE "C" NOT NULL REFERENCES users (id),
    scope TEXT COLLATE "C",
    issued_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);

-- Customers -------------------------------------------------------------------------------------

CREATE TABLE accounts (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    source TEXT COLLATE "C" NOT NULL,
    source_id TEXT COLLATE "C" NOT NULL,
    row_hash TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    name_key TEXT COLLATE "C" NOT NULL,   -- in lower case, for order and exact search
    search_key TEXT COLLATE "C" NOT NULL, -- name, domain and source id in lower case
    domain TEXT COLLATE "C",
    industry TEXT COLLATE "C",
    employees BIGINT,
    segment TEXT COLLATE "C" NOT NULL,
    tier TEXT COLLATE "C" NOT NULL,
    lifecycle TEXT COLLATE "C" NOT NULL,
    status TEXT COLLATE "C" NOT NULL,
    csm TEXT COLLATE "C" REFERENCES users (id),
    region TEXT COLLATE "C",
    time_zone TEXT COLLATE "C",
    arr_minor BIGINT NOT NULL,
    arr_currency TEXT COLLATE "C" NOT NULL,
    arr_given BIGINT NOT NULL, -- 0: computed from open subscriptions
    contract_start TEXT COLLATE "C",
    renewal_date TEXT COLLATE "C",
    renewal_given BIGINT NOT NULL, -- 0: computed from open subscriptions
    health DOUBLE PRECISION,
    previous_health DOUBLE PRECISION,
    health_at BIGINT,
    as_of BIGINT NOT NULL,
    UNIQUE (source, source_id)
);
CREATE INDEX accounts_by_name ON accounts (name_key, id);
CREATE INDEX accounts_by_source_id ON accounts (source_id);

CREATE TABLE contacts (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    account TEXT COLLATE "C" NOT NULL REFERENCES accounts (id),
    source TEXT COLLATE "C" NOT NULL,
    source_id TEXT COLLATE "C" NOT NULL,
    row_hash TEXT COLLATE "C" NOT NULL,
    email TEXT COLLATE "C",
    given_name TEXT COLLATE "C" NOT NULL,
    family_name TEXT COLLATE "C" NOT NULL,
    title TEXT COLLATE "C",
    role TEXT COLLATE "C" NOT NULL,
    phone TEXT COLLATE "C",
    locale TEXT COLLATE "C",
    time_zone TEXT COLLATE "C",
    consent TEXT COLLATE "C" NOT NULL,
    opted_out_at BIGINT,
    bounced_at BIGINT,
    as_of BIGINT NOT NULL,
    UNIQUE (source, source_id)
);
CREATE INDEX contacts_by_account ON contacts (account, id);

CREATE TABLE subscriptions (
    source TEXT COLLATE "C" NOT NULL,
    source_id TEXT COLLATE "C" NOT NULL,
    row_hash TEXT COLLATE "C" NOT NULL,
    account TEXT COLLATE "C" NOT NULL REFERENCES accounts (id),
    product TEXT COLLATE "C" NOT NULL,
    plan TEXT COLLATE "C",
    starts_on TEXT COLLATE "C" NOT NULL,
    ends_on TEXT COLLATE "C",
    seats BIGINT,
    arr_minor BIGINT NOT NULL,
    arr_currency TEXT COLLATE "C" NOT NULL,
    is_trial BIGINT NOT NULL,
    auto_renew BIGINT NOT NULL,
    as_of BIGINT NOT NULL,
    PRIMARY KEY (source, source_id)
);
CREATE INDEX subscriptions_by_account ON subscriptions (account);

CREATE TABLE usage_days (
    source TEXT COLLATE "C" NOT NULL,
    source_id TEXT COLLATE "C" NOT NULL,
    row_hash TEXT COLLATE "C" NOT NULL,
    account TEXT COLLATE "C" NOT NULL REFERENCES accounts (id),
    day TEXT COLLATE "C" NOT NULL,
    feature TEXT COLLATE "C" NOT NULL,
    users BIGINT,
    events BIGINT NOT NULL,
    seconds BIGINT NOT NULL,
    errors BIGINT NOT NULL,
    as_of BIGINT NOT NULL,
    PRIMARY KEY (source, source_id)
);
CREATE INDEX usage_days_by_account ON usage_days (account, day);

CREATE TABLE tickets (
    source TEXT COLLATE "C" NOT NULL,
    source_id TEXT COLLATE "C" NOT NULL,
    row_hash TEXT COLLATE "C" NOT NULL,
    account TEXT COLLATE "C" NOT NULL REFERENCES accounts (id),
    contact TEXT COLLATE "C" REFERENCES contacts (id),
    subject TEXT COLLATE "C" NOT NULL,
    body TEXT COLLATE "C" NOT NULL,
    priority TEXT COLLATE "C" NOT NULL,
    opened_at BIGINT NOT NULL,
    closed_at BIGINT,
    first_response_minutes BIGINT,
    csat BIGINT,
    escalated BIGINT NOT NULL,
    as_of BIGINT NOT NULL,
    PRIMARY KEY (source, source_id)
);
CREATE INDEX tickets_by_account ON tickets (account, opened_at);

CREATE TABLE surveys (
    source TEXT COLLATE "C" NOT NULL,
    source_id TEXT COLLATE "C" NOT NULL,
    row_hash TEXT COLLATE "C" NOT NULL,
    account TEXT COLLATE "C" NOT NULL REFERENCES accounts (id),
    contact TEXT COLLATE "C" REFERENCES contacts (id),
    kind TEXT COLLATE "C" NOT NULL,
    score BIGINT NOT NULL,
    remark TEXT COLLATE "C",
    answered_at BIGINT NOT NULL,
    as_of BIGINT NOT NULL,
    PRIMARY KEY (source, source_id)
);
CREATE INDEX surveys_by_account ON surveys (account, kind, answered_at);

CREATE TABLE meetings (
    source TEXT COLLATE "C" NOT NULL,
    source_id TEXT COLLATE "C" NOT NULL,
    row_hash TEXT COLLATE "C" NOT NULL,
    account TEXT COLLATE "C" NOT NULL REFERENCES accounts (id),
    kind TEXT COLLATE "C" NOT NULL,
    held_at BIGINT NOT NULL,
    attendees TEXT COLLATE "C" NOT NULL, -- JSON array of contact ids
    notes TEXT COLLATE "C" NOT NULL,
    next_steps TEXT COLLATE "C" NOT NULL,
    as_of BIGINT NOT NULL,
    PRIMARY KEY (source, source_id)
);
CREATE INDEX meetings_by_account ON meetings (account, held_at);

CREATE TABLE emails (
    source TEXT COLLATE "C" NOT NULL,
    source_id TEXT COLLATE "C" NOT NULL,
    row_hash TEXT COLLATE "C" NOT NULL,
    account TEXT COLLATE "C" NOT NULL REFERENCES accounts (id),
    contact TEXT COLLATE "C" REFERENCES contacts (id),
    thread TEXT COLLATE "C" NOT NULL,
    direction TEXT COLLATE "C" NOT NULL,
    subject TEXT COLLATE "C" NOT NULL,
    body TEXT COLLATE "C" NOT NULL,
    sent_at BIGINT NOT NULL,
    as_of BIGINT NOT NULL,
    PRIMARY KEY (source, source_id)
);
CREATE INDEX emails_by_account ON emails (account, sent_at);

CREATE TABLE churns (
    source TEXT COLLATE "C" NOT NULL,
    source_id TEXT COLLATE "C" NOT NULL,
    row_hash TEXT COLLATE "C" NOT NULL,
    account TEXT COLLATE "C" NOT NULL REFERENCES accounts (id),
    day TEXT COLLATE "C" NOT NULL,
    reason TEXT COLLATE "C" NOT NULL,
    reactivation BIGINT NOT NULL,
    feedback TEXT COLLATE "C",
    as_of BIGINT NOT NULL,
    PRIMARY KEY (source, source_id)
);
CREATE INDEX churns_by_account ON churns (account, day);

-- Signals and runs ------------------------------------------------------------------------------

CREATE TABLE signals (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    source TEXT COLLATE "C" NOT NULL,
    event_id TEXT COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    account TEXT COLLATE "C" NOT NULL REFERENCES accounts (id),
    happened_at BIGINT NOT NULL,
    received_at BIGINT NOT NULL,
    data TEXT COLLATE "C" NOT NULL,
    run TEXT COLLATE "C",
    triggered BIGINT NOT NULL, -- whether triggers have looked at it
    UNIQUE (source, event_id)
);
CREATE INDEX signals_untriggered ON signals (received_at, id) WHERE triggered = 0;
CREATE INDEX signals_by_kind ON signals (account, kind, received_at);
CREATE INDEX signals_by_account ON signals (account, received_at);

CREATE TABLE runs (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    request_key TEXT COLLATE "C" NOT NULL UNIQUE,
    playbook TEXT COLLATE "C" NOT NULL,
    version TEXT COLLATE "C" NOT NULL,
    account TEXT COLLATE "C" NOT NULL REFERENCES accounts (id),
    cause TEXT COLLATE "C" NOT NULL,
    status TEXT COLLATE "C" NOT NULL,
    step TEXT COLLATE "C" NOT NULL,
    progress TEXT COLLATE "C" NOT NULL,
    wake_at BIGINT,
    wakes BIGINT NOT NULL,
    lease_token BIGINT NOT NULL,
    lease_until BIGINT, -- NULL: nobody holds it
    started_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL
) WITH (fillfactor = 80);
CREATE INDEX runs_due ON runs (status, wake_at, id) WHERE wake_at IS NOT NULL;
CREATE INDEX runs_by_start ON runs (started_at, id);
CREATE INDEX runs_by_status ON runs (status, started_at, id);
CREATE INDEX runs_by_playbook ON runs (playbook, account, started_at);
CREATE INDEX runs_by_account ON runs (account, started_at, id);

CREATE TABLE tasks (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    kind TEXT COLLATE "C" NOT NULL,
    account TEXT COLLATE "C" NOT NULL REFERENCES accounts (id),
    run TEXT COLLATE "C" NOT NULL REFERENCES runs (id),
    step TEXT COLLATE "C" NOT NULL,
    team TEXT COLLATE "C" NOT NULL,
    assignee TEXT COLLATE "C" REFERENCES users (id),
    title TEXT COLLATE "C" NOT NULL,
    body TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    status TEXT COLLATE "C" NOT NULL,
    outcome TEXT COLLATE "C",
    UNIQUE (run, step)
);
CREATE INDEX tasks_by_due ON tasks (due_at, id);
CREATE INDEX tasks_by_status ON tasks (status, due_at, id);
CREATE INDEX tasks_by_account ON tasks (account, due_at, id);

-- Approvals, content and messages ---------------------------------------------------------------

CREATE TABLE subject_keys (
    contact TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    wrapped BYTEA,          -- NULL: destroyed
    made_at BIGINT NOT NULL,
    destroyed_at BIGINT
);

CREATE TABLE contents (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    subject TEXT COLLATE "C" NOT NULL,
    bytes BYTEA NOT NULL
);
CREATE INDEX contents_by_subject ON contents (subject);

CREATE TABLE approvals (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    run TEXT COLLATE "C" NOT NULL REFERENCES runs (id),
    step TEXT COLLATE "C" NOT NULL,
    playbook TEXT COLLATE "C" NOT NULL,
    account TEXT COLLATE "C" NOT NULL REFERENCES accounts (id),
    contact TEXT COLLATE "C" NOT NULL,
    action TEXT COLLATE "C" NOT NULL,
    risk_order BIGINT NOT NULL, -- 0: high, so that everything sorts upwards
    assignee TEXT COLLATE "C" REFERENCES users (id),
    queued_at BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    status TEXT COLLATE "C" NOT NULL,
    snoozed_until BIGINT,
    revision BIGINT NOT NULL,
    data TEXT COLLATE "C" NOT NULL
);
CREATE INDEX approvals_by_risk ON approvals (status, risk_order, due_at, id);
CREATE INDEX approvals_by_due ON approvals (status, due_at, id);
CREATE INDEX approvals_by_queued ON approvals (queued_at, id);
CREATE INDEX approvals_by_run ON approvals (run);
CREATE INDEX approvals_by_account ON approvals (account, queued_at, id);

CREATE TABLE versions (
    approval TEXT COLLATE "C" NOT NULL REFERENCES approvals (id),
    number BIGINT NOT NULL,
    content TEXT COLLATE "C" NOT NULL REFERENCES contents (id),
    data TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (approval, number)
);

CREATE TABLE messages (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    approval TEXT COLLATE "C" NOT NULL REFERENCES approvals (id),
    run TEXT COLLATE "C" NOT NULL REFERENCES runs (id),
    step TEXT COLLATE "C" NOT NULL,
    account TEXT COLLATE "C" NOT NULL REFERENCES accounts (id),
    contact TEXT COLLATE "C" NOT NULL,
    content TEXT COLLATE "C" NOT NULL REFERENCES contents (id),
    binding TEXT COLLATE "C" NOT NULL,
    status TEXT COLLATE "C" NOT NULL,
    attempts BIGINT NOT NULL,
    next_at BIGINT NOT NULL,
    note TEXT COLLATE "C" NOT NULL,
    queued_at BIGINT NOT NULL,
    settled_at BIGINT,
    token BIGINT NOT NULL,
    lease_until BIGINT -- NULL: nobody holds it
) WITH (fillfactor = 80);
CREATE INDEX messages_due ON messages (next_at, id) WHERE settled_at IS NULL;
CREATE INDEX messages_by_queued ON messages (queued_at, id);
CREATE INDEX messages_by_status ON messages (status, queued_at, id);
CREATE INDEX messages_by_run ON messages (run);

CREATE TABLE kills (
    scope TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    actor TEXT COLLATE "C" NOT NULL,
    engaged_at BIGINT NOT NULL,
    reason TEXT COLLATE "C" NOT NULL
);

-- What is in force ------------------------------------------------------------------------------

CREATE TABLE playbooks (
    version TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    name TEXT COLLATE "C" NOT NULL,
    files TEXT COLLATE "C" NOT NULL,
    active BIGINT NOT NULL,
    loaded_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX playbooks_active ON playbooks (name) WHERE active = 1;

CREATE TABLE policies (
    version TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    files TEXT COLLATE "C" NOT NULL,
    active BIGINT NOT NULL,
    activated_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX policies_active ON policies (active) WHERE active = 1;

CREATE TABLE schedules (
    playbook TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    next_at BIGINT NOT NULL
);
CREATE INDEX schedules_due ON schedules (next_at);

-- The audit trail -------------------------------------------------------------------------------

CREATE TABLE streams (
    name TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    seq BIGINT NOT NULL,
    hash BYTEA NOT NULL,
    covered BIGINT NOT NULL -- the number the latest checkpoint covers
);
CREATE INDEX streams_uncovered ON streams (name) WHERE covered < seq;

CREATE TABLE events (
    stream TEXT COLLATE "C" NOT NULL REFERENCES streams (name),
    seq BIGINT NOT NULL,
    at BIGINT NOT NULL,
    actor TEXT COLLATE "C" NOT NULL,
    data TEXT COLLATE "C" NOT NULL,
    prev BYTEA NOT NULL,
    hash BYTEA NOT NULL,
    PRIMARY KEY (stream, seq)
);
CREATE INDEX events_by_time ON events (at);

CREATE FUNCTION events_are_final() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'events are never changed or deleted';
END;
$$;
CREATE TRIGGER events_are_not_updated BEFORE UPDATE OR DELETE ON events
    FOR EACH ROW EXECUTE FUNCTION events_are_final();
CREATE TRIGGER events_are_not_truncated BEFORE TRUNCATE ON events
    FOR EACH STATEMENT EXECUTE FUNCTION events_are_final();

CREATE TABLE checkpoints (
    number BIGINT NOT NULL PRIMARY KEY,
    at BIGINT NOT NULL,
    root BYTEA NOT NULL,
    prev BYTEA NOT NULL,
    hash BYTEA NOT NULL
);

CREATE TABLE checkpoint_heads (
    number BIGINT NOT NULL REFERENCES checkpoints (number),
    stream TEXT COLLATE "C" NOT NULL,
    seq BIGINT NOT NULL,
    hash BYTEA NOT NULL,
    PRIMARY KEY (number, stream)
);
