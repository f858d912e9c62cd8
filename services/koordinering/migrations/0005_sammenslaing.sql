-- Two ids are one person: proposed by one, confirmed by another, undone the
-- same way. What was merged before holds.
ALTER TABLE sammenslaing RENAME TO sammenslaing_eldre;
CREATE TABLE sammenslaing (
    id TEXT PRIMARY KEY,
    versjon BIGINT NOT NULL,
    gjenstar TEXT NOT NULL REFERENCES person (id),
    duplikat TEXT NOT NULL REFERENCES person (id),
    begrunnelse TEXT NOT NULL,
    foreslatt BIGINT NOT NULL,
    foreslatt_av TEXT NOT NULL,
    tilstand TEXT NOT NULL,
    avgjort BIGINT,
    avgjort_av TEXT,
    forslag BIGINT,
    forslag_av TEXT,
    forslag_begrunnelse TEXT,
    opphevet BIGINT,
    opphevet_av TEXT,
    CHECK (gjenstar <> duplikat)
);
INSERT INTO sammenslaing (id, versjon, gjenstar, duplikat, begrunnelse, foreslatt, foreslatt_av,
    tilstand, avgjort, avgjort_av)
SELECT duplikat, 1, gjenstar, duplikat, begrunnelse, tid, av, 'GJELDENDE', tid, av
FROM sammenslaing_eldre;
DROP TABLE sammenslaing_eldre;
CREATE INDEX sammenslaing_gjenstar ON sammenslaing (gjenstar, id);
-- An id is merged into one other, and is in one proposal at a time.
CREATE UNIQUE INDEX sammenslaing_en ON sammenslaing (duplikat)
    WHERE tilstand IN ('FORESLATT', 'GJELDENDE', 'OPPHEVING_FORESLATT');
CREATE UNIQUE INDEX sammenslaing_ett_forslag ON sammenslaing (gjenstar) WHERE tilstand = 'FORESLATT';
