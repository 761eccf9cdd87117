-- `process` names the lock file of the process that a task belongs to. A task may be there before its session is.
CREATE TABLE tasks (
    row         INTEGER PRIMARY KEY,
    id          TEXT NOT NULL UNIQUE,
    user        TEXT NOT NULL,
    session     TEXT NOT NULL,
    process     TEXT NOT NULL,
    agent       TEXT NOT NULL,
    protocol    TEXT NOT NULL,
    turn        TEXT,
    status      TEXT NOT NULL,
    created_at  INTEGER NOT NULL,
    started_at  INTEGER,
    finished_at INTEGER,
    request     TEXT NOT NULL,
    result      TEXT,
    error       TEXT
) STRICT;

CREATE INDEX tasks_of_user ON tasks (user);
CREATE INDEX tasks_of_session ON tasks (user, session);
CREATE INDEX tasks_not_final ON tasks (process) WHERE status IN ('submitted', 'running', 'input_required');

CREATE TABLE task_events (
    task  INTEGER NOT NULL REFERENCES tasks (row) ON DELETE CASCADE,
    seq   INTEGER NOT NULL,
    event TEXT NOT NULL,
    PRIMARY KEY (task, seq)
) STRICT;
