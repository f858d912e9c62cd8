-- Contacts. `tilbud_apent` is 1 while a declined contact waits to be offered
-- again.
CREATE TABLE kontakt (
    id TEXT PRIMARY KEY,
    person TEXT NOT NULL,
    ansvarlig_enhet TEXT NOT NULL CHECK (ansvarlig_enhet <> ''),
    utfall TEXT NOT NULL CHECK (utfall IN ('MOTT', 'IKKE_MOTT', 'TAKKET_NEI')),
    tidspunkt BIGINT NOT NULL,
    tilbud_apent BIGINT NOT NULL CHECK (tilbud_apent IN (0, 1)),
    innhold TEXT NOT NULL,
    CHECK (tilbud_apent = 0 OR utfall = 'TAKKET_NEI')
);
CREATE INDEX kontakt_person ON kontakt (person, id);
CREATE INDEX kontakt_rekke ON kontakt (person, tidspunkt, id);
CREATE INDEX kontakt_tilbud ON kontakt (person) WHERE tilbud_apent = 1;

-- The journal, open and restricted notes. Rows are never changed.
CREATE TABLE notat (
    id TEXT PRIMARY KEY,
    person TEXT NOT NULL,
    slag TEXT NOT NULL CHECK (slag IN ('AAPENT', 'BEGRENSET')),
    ansvarlig_enhet TEXT NOT NULL CHECK (ansvarlig_enhet <> ''),
    innhold TEXT NOT NULL
);
CREATE INDEX notat_person ON notat (person, slag, id);

-- Risk assessments. A person has at most one that is not replaced.
CREATE TABLE risikovurdering (
    id TEXT PRIMARY KEY,
    person TEXT NOT NULL,
    versjon BIGINT NOT NULL,
    ansvarlig_enhet TEXT NOT NULL CHECK (ansvarlig_enhet <> ''),
    nyeste BIGINT NOT NULL CHECK (nyeste IN (0, 1)),
    utloper BIGINT NOT NULL,
    innhold TEXT NOT NULL
);
CREATE INDEX risikovurdering_person ON risikovurdering (person, id);
CREATE UNIQUE INDEX risikovurdering_en_nyeste ON risikovurdering (person) WHERE nyeste = 1;

-- Crisis plans, a row per version. A person has at most one that is newest.
CREATE TABLE kriseplan (
    id TEXT PRIMARY KEY,
    person TEXT NOT NULL,
    versjon BIGINT NOT NULL,
    nr BIGINT NOT NULL CHECK (nr > 0),
    ansvarlig_enhet TEXT NOT NULL CHECK (ansvarlig_enhet <> ''),
    nyeste BIGINT NOT NULL CHECK (nyeste IN (0, 1)),
    innhold TEXT NOT NULL,
    UNIQUE (person, nr)
);
CREATE INDEX kriseplan_person ON kriseplan (person, id);
CREATE UNIQUE INDEX kriseplan_en_nyeste ON kriseplan (person) WHERE nyeste = 1;

-- Who treats the person. An employee has at most one open relation to a person.
CREATE TABLE behandlerforhold (
    id TEXT PRIMARY KEY,
    person TEXT NOT NULL,
    versjon BIGINT NOT NULL,
    ansvarlig_enhet TEXT NOT NULL CHECK (ansvarlig_enhet <> ''),
    ansatt TEXT NOT NULL CHECK (ansatt <> ''),
    apent BIGINT NOT NULL CHECK (apent IN (0, 1)),
    innhold TEXT NOT NULL
);
CREATE INDEX behandlerforhold_person ON behandlerforhold (person, id);
CREATE UNIQUE INDEX behandlerforhold_ett_apent ON behandlerforhold (person, ansatt) WHERE apent = 1;

-- The inbox. One task per kind and record, however often its event arrives,
-- and one open outreach task per person.
CREATE TABLE oppgave (
    id TEXT PRIMARY KEY,
    person TEXT NOT NULL,
    versjon BIGINT NOT NULL,
    ansvarlig_enhet TEXT NOT NULL CHECK (ansvarlig_enhet <> ''),
    tilstand TEXT NOT NULL CHECK (tilstand IN ('APEN', 'KVITTERT', 'BORTFALT')),
    type TEXT NOT NULL CHECK (type IN ('OPPDRAG_TILBUDT', 'OPPSOKENDE')),
    post TEXT NOT NULL CHECK (post <> ''),
    innhold TEXT NOT NULL,
    UNIQUE (type, post)
);
CREATE INDEX oppgave_apen ON oppgave (ansvarlig_enhet, id) WHERE tilstand = 'APEN';
CREATE UNIQUE INDEX oppgave_en_oppsokende ON oppgave (person)
    WHERE tilstand = 'APEN' AND type = 'OPPSOKENDE';
