-- Times are microseconds since 1970, UTC.
CREATE TABLE sessions (
    row        INTEGER PRIMARY KEY,
    user       TEXT NOT NULL,
    id         TEXT NOT NULL,
    agent      TEXT NOT NULL,
    source     TEXT,
    title      TEXT NOT NULL,
    parent     TEXT,
    state      TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    UNIQUE (user, id)
) STRICT;

CREATE TABLE messages (
    session  INTEGER NOT NULL REFERENCES sessions (row) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    message  TEXT NOT NULL,
    PRIMARY KEY (session, position)
) STRICT;

-- AUTOINCREMENT: the id of a forgotten note is not given to another.
CREATE TABLE notes (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    scope      TEXT NOT NULL,
    text       TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

CREATE INDEX notes_of_scope ON notes (scope);
