-- Rows of calls whose caller must not be recognised, until the day has passed:
-- their place among the rows of the log would tell the time. `id` is random.
CREATE TABLE gw_holdt (
    id TEXT NOT NULL PRIMARY KEY,
    dag BIGINT NOT NULL,
    bytes TEXT NOT NULL
);
