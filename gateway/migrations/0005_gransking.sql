-- Mandates to review an incident; `innhold` is JSON.
CREATE TABLE gransking (
    id TEXT NOT NULL PRIMARY KEY,
    enhet TEXT NOT NULL,
    versjon BIGINT NOT NULL,
    innhold TEXT NOT NULL
);
CREATE INDEX gransking_enhet ON gransking (enhet, id);

-- The first eight bytes of a row's trace id, by which a review finds whom a call
-- was about; 0: none, and rows from before.
ALTER TABLE gw_logg ADD COLUMN spor BIGINT NOT NULL DEFAULT 0;
CREATE INDEX gw_logg_spor ON gw_logg (spor) WHERE spor <> 0;
