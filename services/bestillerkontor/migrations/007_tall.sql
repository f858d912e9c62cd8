-- When each step was taken, for figures of a time that has passed. Far ahead
-- (9223372036854775807) while it has not been taken; 0: before this was kept.
ALTER TABLE soknad ADD COLUMN mottatt BIGINT NOT NULL DEFAULT 0;
ALTER TABLE soknad ADD COLUMN forelopig BIGINT NOT NULL DEFAULT 9223372036854775807;
ALTER TABLE soknad ADD COLUMN vedtatt BIGINT NOT NULL DEFAULT 9223372036854775807;
CREATE INDEX soknad_forelopig ON soknad (ansvarlig_enhet, forelopig, mottatt);
CREATE INDEX soknad_vedtatt ON soknad (ansvarlig_enhet, vedtatt, mottatt);

ALTER TABLE oppdrag ADD COLUMN tilbudt BIGINT NOT NULL DEFAULT 0;
ALTER TABLE oppdrag ADD COLUMN startet BIGINT NOT NULL DEFAULT 9223372036854775807;
ALTER TABLE oppdrag ADD COLUMN slutt BIGINT NOT NULL DEFAULT 9223372036854775807;
UPDATE oppdrag SET slutt = 0 WHERE tilstand IN ('AVVIST', 'AVSLUTTET');
CREATE INDEX oppdrag_startet ON oppdrag (enhet, startet, tilbudt);
CREATE INDEX oppdrag_bestilt_startet ON oppdrag (bestiller, startet, tilbudt);
CREATE INDEX oppdrag_slutt ON oppdrag (enhet, slutt, id);
CREATE INDEX oppdrag_bestilt_slutt ON oppdrag (bestiller, slutt, id);

-- Published months, as they were published.
CREATE TABLE publiserte_tall (
    id TEXT PRIMARY KEY,
    innhold TEXT NOT NULL
);
