-- What a session used, as JSON; NULL where it is older than the account of it.
ALTER TABLE sessions ADD COLUMN usage TEXT;

-- The answer that is being written, piece by piece. It becomes a message where the process that writes it dies.
CREATE TABLE partials (
    session  INTEGER NOT NULL REFERENCES sessions (row) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    text     TEXT NOT NULL,
    PRIMARY KEY (session, position)
) STRICT;

-- Whatever is saved takes its place, whoever saves it: a process that has the database open since before this too.
CREATE TRIGGER partials_end AFTER INSERT ON messages BEGIN
    DELETE FROM partials WHERE session = NEW.session;
END;
