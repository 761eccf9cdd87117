-- The order of uses, which no clock decides: one that is set back would put the newest last.
ALTER TABLE sessions ADD COLUMN used INTEGER NOT NULL DEFAULT 0;

UPDATE sessions SET used = ranked.place
FROM (SELECT row, row_number() OVER (ORDER BY updated_at, id) AS place FROM sessions) AS ranked
WHERE ranked.row = sessions.row;

CREATE INDEX sessions_by_use ON sessions (used);
