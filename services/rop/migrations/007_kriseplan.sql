-- Tasks of one more kind, and of whichever comes: the contract names the kinds.
CREATE TABLE oppgave_ny (
    id TEXT PRIMARY KEY,
    person TEXT NOT NULL,
    versjon BIGINT NOT NULL,
    ansvarlig_enhet TEXT NOT NULL CHECK (ansvarlig_enhet <> ''),
    tilstand TEXT NOT NULL CHECK (tilstand IN ('APEN', 'KVITTERT', 'BORTFALT')),
    type TEXT NOT NULL CHECK (type <> ''),
    post TEXT NOT NULL CHECK (post <> ''),
    venter BIGINT NOT NULL CHECK (venter IN (0, 1)),
    frist BIGINT NOT NULL,
    innhold TEXT NOT NULL,
    UNIQUE (type, post)
);
INSERT INTO oppgave_ny
    (id, person, versjon, ansvarlig_enhet, tilstand, type, post, venter, frist, innhold)
    SELECT id, person, versjon, ansvarlig_enhet, tilstand, type, post, venter, frist, innhold
    FROM oppgave;
DROP TABLE oppgave;
ALTER TABLE oppgave_ny RENAME TO oppgave;
CREATE INDEX oppgave_venter ON oppgave (ansvarlig_enhet, frist, id) WHERE venter = 1;
CREATE INDEX oppgave_venter_type ON oppgave (ansvarlig_enhet, type, frist, id) WHERE venter = 1;
CREATE INDEX oppgave_person ON oppgave (person, type, id) WHERE venter = 1;
CREATE UNIQUE INDEX oppgave_en_oppsokende ON oppgave (person)
    WHERE tilstand = 'APEN' AND type = 'OPPSOKENDE';
