-- Keys are given out by the writer and never again; moments are microseconds since 1970.

CREATE TABLE quests (
    key INTEGER PRIMARY KEY,
    id BLOB NOT NULL,
    created INTEGER NOT NULL,
    description BLOB NOT NULL,
    built_by BLOB NOT NULL
) STRICT;

-- Quest ids are random, so an index row per insertion would write one page each. Quests up to
-- counters.quests_indexed are found here, by the first 48 bits of their id; the few thousand after
-- that are kept in memory, and join these in one sorted run.
CREATE TABLE quest_index (
    prefix INTEGER NOT NULL,
    quest INTEGER NOT NULL,
    PRIMARY KEY (prefix, quest)
) STRICT, WITHOUT ROWID;

CREATE TABLE config_names (
    key INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
) STRICT;

-- One for each edit of a configuration that was used: few, and kept.
CREATE TABLE config_snapshots (
    key INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    version TEXT NOT NULL,
    config_type TEXT NOT NULL,
    content BLOB NOT NULL,
    dm_host TEXT NOT NULL
) STRICT;
CREATE INDEX config_snapshots_by_name ON config_snapshots (name, version);

CREATE TABLE attempts (
    key INTEGER PRIMARY KEY,
    quest INTEGER NOT NULL,
    number INTEGER NOT NULL,
    version INTEGER NOT NULL,
    state INTEGER NOT NULL,
    modified INTEGER NOT NULL,
    config_name INTEGER NOT NULL,
    wake_at INTEGER,
    ready INTEGER,
    body BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX attempts_by_name ON attempts (quest, number);
CREATE INDEX attempts_unfinished ON attempts (key) WHERE state < 3;
CREATE INDEX attempts_waking ON attempts (wake_at) WHERE wake_at IS NOT NULL;
CREATE INDEX attempts_ready ON attempts (config_name, ready) WHERE ready IS NOT NULL;

-- Outcomes that are too large for an attempt's body.
CREATE TABLE outcomes (
    attempt INTEGER PRIMARY KEY,
    body BLOB NOT NULL
) STRICT;

-- Past ones; the current one is in its attempt's body.
CREATE TABLE executions (
    attempt INTEGER NOT NULL,
    number INTEGER NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (attempt, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE dependencies (
    dependent INTEGER NOT NULL,
    dependency INTEGER NOT NULL,
    bit INTEGER NOT NULL,
    for_execution INTEGER NOT NULL,
    propagated INTEGER NOT NULL,
    PRIMARY KEY (dependent, dependency)
) STRICT, WITHOUT ROWID;
CREATE INDEX dependents ON dependencies (dependency, propagated, dependent);

CREATE TABLE journal (
    id INTEGER PRIMARY KEY,
    attempt INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    execution INTEGER NOT NULL,
    due INTEGER,
    tries INTEGER NOT NULL,
    body BLOB
) STRICT;
CREATE INDEX journal_due ON journal (due) WHERE due IS NOT NULL;

-- One row: the highest numbers given out, and how many attempts are in each state.
CREATE TABLE counters (
    key INTEGER PRIMARY KEY CHECK (key = 1),
    quest_key INTEGER NOT NULL DEFAULT 0,
    quests_indexed INTEGER NOT NULL DEFAULT 0,
    attempt_key INTEGER NOT NULL DEFAULT 0,
    journal INTEGER NOT NULL DEFAULT 0,
    ready INTEGER NOT NULL DEFAULT 0,
    scheduling INTEGER NOT NULL DEFAULT 0,
    executing INTEGER NOT NULL DEFAULT 0,
    waiting INTEGER NOT NULL DEFAULT 0,
    finished INTEGER NOT NULL DEFAULT 0,
    abnormal_finished INTEGER NOT NULL DEFAULT 0
) STRICT;
INSERT INTO counters (key) VALUES (1);
