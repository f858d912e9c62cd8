-- What is delivered (src/tiltak.rs). `frist` is when it ended, far ahead while
-- it goes on, so that one range holds all that touches a week.
CREATE TABLE tiltak (
    id TEXT PRIMARY KEY, person TEXT NOT NULL, versjon BIGINT NOT NULL,
    ansvarlig_enhet TEXT NOT NULL CHECK (ansvarlig_enhet <> ''),
    tilstand TEXT NOT NULL CHECK (tilstand IN ('APEN', 'LUKKET')),
    nokkel TEXT NOT NULL, frist BIGINT NOT NULL, innhold TEXT NOT NULL
);
CREATE INDEX tiltak_person ON tiltak (person, id);
CREATE INDEX tiltak_person_slutt ON tiltak (person, frist, id);
CREATE INDEX tiltak_slutt ON tiltak (ansvarlig_enhet, frist, id);
CREATE UNIQUE INDEX tiltak_ett_per_oppdrag ON tiltak (nokkel) WHERE nokkel <> '';

-- Activity offers. `ekskluderer` has a bit for each criterion.
CREATE TABLE aktivitetstilbud (
    id TEXT PRIMARY KEY,
    enhet TEXT NOT NULL CHECK (enhet <> ''),
    versjon BIGINT NOT NULL,
    aktivt BIGINT NOT NULL CHECK (aktivt IN (0, 1)),
    ekskluderer BIGINT NOT NULL,
    innhold TEXT NOT NULL
);
CREATE INDEX aktivitetstilbud_aktivt ON aktivitetstilbud (enhet, id) WHERE aktivt = 1;

-- Published months, as they were published.
CREATE TABLE publisert_statistikk (
    id TEXT PRIMARY KEY,
    innhold TEXT NOT NULL
);
