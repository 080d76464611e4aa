-- Tasks that backends have sent to themselves. Ids and counters.journal are one sequence.
CREATE TABLE queue (
    id INTEGER PRIMARY KEY,
    -- 1 is pending, 2 is dead.
    state INTEGER NOT NULL,
    due INTEGER NOT NULL,
    tries INTEGER NOT NULL,
    created INTEGER NOT NULL,
    config INTEGER NOT NULL,
    -- Of the headers and the task's body, in bytes.
    size INTEGER NOT NULL,
    last_error TEXT,
    body BLOB NOT NULL
) STRICT;
CREATE INDEX queue_due ON queue (due) WHERE state = 1;
CREATE INDEX queue_by_state ON queue (state, id);

ALTER TABLE counters ADD COLUMN queue_pending INTEGER NOT NULL DEFAULT 0;
ALTER TABLE counters ADD COLUMN queue_dead INTEGER NOT NULL DEFAULT 0;
ALTER TABLE counters ADD COLUMN queue_bytes INTEGER NOT NULL DEFAULT 0;
