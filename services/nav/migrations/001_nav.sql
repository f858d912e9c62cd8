-- That the unit has a case of a person (src/sak.rs): one open for a unit.
CREATE TABLE sak (
    id TEXT PRIMARY KEY, person TEXT NOT NULL, versjon BIGINT NOT NULL,
    ansvarlig_enhet TEXT NOT NULL CHECK (ansvarlig_enhet <> ''),
    tilstand TEXT NOT NULL CHECK (tilstand IN ('APEN', 'LUKKET')),
    nokkel TEXT NOT NULL, frist BIGINT, innhold TEXT NOT NULL,
    fra BIGINT NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX sak_en_apen ON sak (person, ansvarlig_enhet) WHERE tilstand = 'APEN';

-- Requests for a bed (src/botilbud): one that waits, for a person and a unit.
CREATE TABLE botilbud (
    id TEXT PRIMARY KEY, person TEXT NOT NULL, versjon BIGINT NOT NULL,
    ansvarlig_enhet TEXT NOT NULL CHECK (ansvarlig_enhet <> ''),
    tilstand TEXT NOT NULL CHECK (tilstand IN ('APEN', 'LUKKET')),
    nokkel TEXT NOT NULL, frist BIGINT, innhold TEXT NOT NULL,
    fra BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX botilbud_person ON botilbud (person, id);
CREATE UNIQUE INDEX botilbud_ett_apent ON botilbud (person, ansvarlig_enhet)
    WHERE tilstand = 'APEN';
CREATE INDEX botilbud_apent ON botilbud (ansvarlig_enhet, id) WHERE tilstand = 'APEN';

-- Nights without a bed of requests that have their outcome (src/natt.rs); those
-- of requests that wait are counted from the request. `grunn` 0: no outcome.
CREATE TABLE natt_uten (
    botilbud TEXT NOT NULL,
    natt TEXT NOT NULL,
    enhet TEXT NOT NULL,
    person TEXT NOT NULL,
    grunn BIGINT NOT NULL,
    PRIMARY KEY (botilbud, natt)
);
CREATE INDEX natt_uten_natt ON natt_uten (enhet, natt);

-- Money in lieu of a bed, by the day on which it was granted.
CREATE TABLE kontanter (
    botilbud TEXT PRIMARY KEY,
    enhet TEXT NOT NULL,
    dag TEXT NOT NULL
);
CREATE INDEX kontanter_dag ON kontanter (enhet, dag);

-- Published months, as they were published.
CREATE TABLE publisert_nattall (
    id TEXT PRIMARY KEY,
    innhold TEXT NOT NULL
);

-- Places (src/plass.rs), and who runs them.
CREATE TABLE plass (
    id TEXT PRIMARY KEY,
    enhet TEXT NOT NULL CHECK (enhet <> ''),
    versjon BIGINT NOT NULL,
    aktiv BIGINT NOT NULL CHECK (aktiv IN (0, 1)),
    leverandor TEXT NOT NULL,
    innhold TEXT NOT NULL
);
CREATE INDEX plass_aktiv ON plass (enhet, id) WHERE aktiv = 1;

-- The inbox (src/innboks).
CREATE TABLE oppgave (
    id TEXT PRIMARY KEY,
    person TEXT NOT NULL,
    versjon BIGINT NOT NULL,
    ansvarlig_enhet TEXT NOT NULL CHECK (ansvarlig_enhet <> ''),
    tilstand TEXT NOT NULL,
    type TEXT NOT NULL,
    post TEXT NOT NULL,
    venter BIGINT NOT NULL CHECK (venter IN (0, 1)),
    frist BIGINT NOT NULL,
    innhold TEXT NOT NULL
);
CREATE UNIQUE INDEX oppgave_om ON oppgave (post, type);
CREATE INDEX oppgave_venter ON oppgave (ansvarlig_enhet, frist, id) WHERE venter = 1;
CREATE INDEX oppgave_venter_type ON oppgave (ansvarlig_enhet, type, frist, id) WHERE venter = 1;
