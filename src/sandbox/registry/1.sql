CREATE TABLE sandboxes (
    id TEXT PRIMARY KEY,
    backend TEXT NOT NULL,
    user TEXT NOT NULL,
    -- The chat session that finds it again, and its agent where each has its own.
    session TEXT,
    agent TEXT,
    -- starting, running, paused, stopped; what was last seen.
    state TEXT NOT NULL,
    -- JSON, without the values of its environment.
    spec TEXT NOT NULL,
    -- JSON; NULL while it starts.
    confinement TEXT,
    -- Microseconds since 1970.
    created INTEGER NOT NULL,
    used INTEGER NOT NULL,
    expires INTEGER
) STRICT;
CREATE INDEX sandboxes_by_session ON sandboxes (user, session);
