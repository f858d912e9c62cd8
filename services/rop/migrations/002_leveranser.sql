-- Contacts: what they cost, and under what they were delivered.
ALTER TABLE kontakt ADD COLUMN minutter BIGINT NOT NULL DEFAULT 0;
ALTER TABLE kontakt ADD COLUMN tiltak TEXT NOT NULL DEFAULT '';
CREATE INDEX kontakt_tiltak ON kontakt (tiltak, tidspunkt) WHERE tiltak <> '';
CREATE INDEX kontakt_enhet_tid ON kontakt (ansvarlig_enhet, tidspunkt);

-- Notes: which corrects which.
ALTER TABLE notat ADD COLUMN retter TEXT NOT NULL DEFAULT '';
CREATE INDEX notat_retter ON notat (retter, id) WHERE retter <> '';

-- Tasks of more kinds, with deadlines that run on until what they ask for was
-- done. The table is made anew, for its check cannot be changed.
CREATE TABLE oppgave_ny (
    id TEXT PRIMARY KEY,
    person TEXT NOT NULL,
    versjon BIGINT NOT NULL,
    ansvarlig_enhet TEXT NOT NULL CHECK (ansvarlig_enhet <> ''),
    tilstand TEXT NOT NULL CHECK (tilstand IN ('APEN', 'KVITTERT', 'BORTFALT')),
    type TEXT NOT NULL CHECK (type IN ('OPPDRAG_TILBUDT', 'OPPSOKENDE', 'NYTT_TILBUD',
        'PLANLAGT_KONTAKT', 'EVALUERING', 'KONTAKTSTEG', 'TILBAKEMELDING', 'RISIKOVURDERING')),
    post TEXT NOT NULL CHECK (post <> ''),
    ugjort BIGINT NOT NULL DEFAULT 0 CHECK (ugjort IN (0, 1)),
    innhold TEXT NOT NULL,
    UNIQUE (type, post)
);
INSERT INTO oppgave_ny (id, person, versjon, ansvarlig_enhet, tilstand, type, post, ugjort, innhold)
    SELECT id, person, versjon, ansvarlig_enhet, tilstand, type, post,
           CASE WHEN tilstand = 'APEN' AND type = 'OPPSOKENDE' THEN 1 ELSE 0 END, innhold
    FROM oppgave;
DROP TABLE oppgave;
ALTER TABLE oppgave_ny RENAME TO oppgave;
CREATE INDEX oppgave_apen ON oppgave (ansvarlig_enhet, id) WHERE tilstand = 'APEN';
CREATE UNIQUE INDEX oppgave_en_oppsokende ON oppgave (person)
    WHERE tilstand = 'APEN' AND type = 'OPPSOKENDE';
CREATE INDEX oppgave_ugjort ON oppgave (person, type) WHERE ugjort = 1;

-- Anonymous counts.
CREATE TABLE lavterskel (
    id TEXT PRIMARY KEY,
    enhet TEXT NOT NULL CHECK (enhet <> ''),
    dag TEXT NOT NULL,
    type BIGINT NOT NULL,
    antall BIGINT NOT NULL CHECK (antall > 0),
    innhold TEXT NOT NULL
);
CREATE INDEX lavterskel_dag ON lavterskel (enhet, dag, id);

-- Records of one shape (src/lager.rs). `nokkel` and `frist` are what else they
-- are found by.
CREATE TABLE planlagt_kontakt (
    id TEXT PRIMARY KEY, person TEXT NOT NULL, versjon BIGINT NOT NULL,
    ansvarlig_enhet TEXT NOT NULL CHECK (ansvarlig_enhet <> ''),
    tilstand TEXT NOT NULL CHECK (tilstand IN ('APEN', 'LUKKET')),
    nokkel TEXT NOT NULL, frist BIGINT, innhold TEXT NOT NULL
);
CREATE INDEX planlagt_kontakt_person ON planlagt_kontakt (person, id);
CREATE INDEX planlagt_kontakt_apen ON planlagt_kontakt (person) WHERE tilstand = 'APEN';

CREATE TABLE behandlingsplan (
    id TEXT PRIMARY KEY, person TEXT NOT NULL, versjon BIGINT NOT NULL,
    ansvarlig_enhet TEXT NOT NULL CHECK (ansvarlig_enhet <> ''),
    tilstand TEXT NOT NULL CHECK (tilstand IN ('APEN', 'LUKKET')),
    nokkel TEXT NOT NULL, frist BIGINT, innhold TEXT NOT NULL
);
CREATE INDEX behandlingsplan_person ON behandlingsplan (person, id);
CREATE UNIQUE INDEX behandlingsplan_en_nyeste ON behandlingsplan (person) WHERE tilstand = 'APEN';

CREATE TABLE hovedforlop (
    id TEXT PRIMARY KEY, person TEXT NOT NULL, versjon BIGINT NOT NULL,
    ansvarlig_enhet TEXT NOT NULL CHECK (ansvarlig_enhet <> ''),
    tilstand TEXT NOT NULL CHECK (tilstand IN ('APEN', 'LUKKET')),
    nokkel TEXT NOT NULL, frist BIGINT, innhold TEXT NOT NULL
);
CREATE INDEX hovedforlop_person ON hovedforlop (person, id);
CREATE UNIQUE INDEX hovedforlop_ett_apent ON hovedforlop (person) WHERE tilstand = 'APEN';
CREATE INDEX hovedforlop_telling ON hovedforlop (ansvarlig_enhet, nokkel) WHERE tilstand = 'APEN';

CREATE TABLE kontaktplan (
    id TEXT PRIMARY KEY, person TEXT NOT NULL, versjon BIGINT NOT NULL,
    ansvarlig_enhet TEXT NOT NULL CHECK (ansvarlig_enhet <> ''),
    tilstand TEXT NOT NULL CHECK (tilstand IN ('APEN', 'LUKKET')),
    nokkel TEXT NOT NULL, frist BIGINT, innhold TEXT NOT NULL
);
CREATE INDEX kontaktplan_person ON kontaktplan (person, id);
CREATE UNIQUE INDEX kontaktplan_en_apen ON kontaktplan (person) WHERE tilstand = 'APEN';

CREATE TABLE tilbakemelding (
    id TEXT PRIMARY KEY, person TEXT NOT NULL, versjon BIGINT NOT NULL,
    ansvarlig_enhet TEXT NOT NULL CHECK (ansvarlig_enhet <> ''),
    tilstand TEXT NOT NULL CHECK (tilstand IN ('APEN', 'LUKKET')),
    nokkel TEXT NOT NULL, frist BIGINT, innhold TEXT NOT NULL
);
CREATE INDEX tilbakemelding_person ON tilbakemelding (person, id);
CREATE INDEX tilbakemelding_apen ON tilbakemelding (ansvarlig_enhet, id) WHERE tilstand = 'APEN';

CREATE TABLE primaerkontakt (
    id TEXT PRIMARY KEY, person TEXT NOT NULL, versjon BIGINT NOT NULL,
    ansvarlig_enhet TEXT NOT NULL CHECK (ansvarlig_enhet <> ''),
    tilstand TEXT NOT NULL CHECK (tilstand IN ('APEN', 'LUKKET')),
    nokkel TEXT NOT NULL, frist BIGINT, innhold TEXT NOT NULL
);
CREATE INDEX primaerkontakt_person ON primaerkontakt (person, id);
CREATE UNIQUE INDEX primaerkontakt_en_apen ON primaerkontakt (person) WHERE tilstand = 'APEN';
CREATE INDEX primaerkontakt_ansatt ON primaerkontakt (ansvarlig_enhet, nokkel) WHERE tilstand = 'APEN';
