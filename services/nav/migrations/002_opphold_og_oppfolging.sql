-- Stays (src/opphold.rs): one that goes on, for a person and a unit.
CREATE TABLE opphold (
    id TEXT PRIMARY KEY, person TEXT NOT NULL, versjon BIGINT NOT NULL,
    ansvarlig_enhet TEXT NOT NULL CHECK (ansvarlig_enhet <> ''),
    tilstand TEXT NOT NULL CHECK (tilstand IN ('APEN', 'LUKKET')),
    nokkel TEXT NOT NULL, frist BIGINT, innhold TEXT NOT NULL,
    fra BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX opphold_person ON opphold (person, id);
CREATE UNIQUE INDEX opphold_ett_apent ON opphold (person, ansvarlig_enhet)
    WHERE tilstand = 'APEN';
CREATE INDEX opphold_apen ON opphold (ansvarlig_enhet, id) WHERE tilstand = 'APEN';

-- Bars (src/utestengelse.rs).
CREATE TABLE utestengelse (
    id TEXT PRIMARY KEY, person TEXT NOT NULL, versjon BIGINT NOT NULL,
    ansvarlig_enhet TEXT NOT NULL CHECK (ansvarlig_enhet <> ''),
    tilstand TEXT NOT NULL CHECK (tilstand IN ('APEN', 'LUKKET')),
    nokkel TEXT NOT NULL, frist BIGINT, innhold TEXT NOT NULL,
    fra BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX utestengelse_person ON utestengelse (person, id);
CREATE INDEX utestengelse_person_apen ON utestengelse (person) WHERE tilstand = 'APEN';
CREATE INDEX utestengelse_apen ON utestengelse (ansvarlig_enhet, id) WHERE tilstand = 'APEN';

-- Enquiries (src/henvendelse.rs).
CREATE TABLE henvendelse (
    id TEXT PRIMARY KEY, person TEXT NOT NULL, versjon BIGINT NOT NULL,
    ansvarlig_enhet TEXT NOT NULL CHECK (ansvarlig_enhet <> ''),
    tilstand TEXT NOT NULL CHECK (tilstand IN ('APEN', 'LUKKET')),
    nokkel TEXT NOT NULL, frist BIGINT, innhold TEXT NOT NULL,
    fra BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX henvendelse_person ON henvendelse (person, id);
CREATE INDEX henvendelse_person_apen ON henvendelse (person) WHERE tilstand = 'APEN';

-- Advice (src/rad.rs); open while somebody else has not confirmed.
CREATE TABLE rad (
    id TEXT PRIMARY KEY, person TEXT NOT NULL, versjon BIGINT NOT NULL,
    ansvarlig_enhet TEXT NOT NULL CHECK (ansvarlig_enhet <> ''),
    tilstand TEXT NOT NULL CHECK (tilstand IN ('APEN', 'LUKKET')),
    nokkel TEXT NOT NULL, frist BIGINT, innhold TEXT NOT NULL,
    fra BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX rad_person ON rad (person, id);
CREATE INDEX rad_person_apen ON rad (person) WHERE tilstand = 'APEN';

-- Support for living (src/livsopphold.rs): one for a person.
CREATE TABLE livsopphold (
    id TEXT PRIMARY KEY, person TEXT NOT NULL, versjon BIGINT NOT NULL,
    ansvarlig_enhet TEXT NOT NULL CHECK (ansvarlig_enhet <> ''),
    tilstand TEXT NOT NULL CHECK (tilstand IN ('APEN', 'LUKKET')),
    nokkel TEXT NOT NULL, frist BIGINT, innhold TEXT NOT NULL,
    fra BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX livsopphold_person ON livsopphold (person, id);
CREATE UNIQUE INDEX livsopphold_ett_apent ON livsopphold (person) WHERE tilstand = 'APEN';

-- Management by consent (src/forvaltning.rs): one of a kind for a person.
CREATE TABLE forvaltning (
    id TEXT PRIMARY KEY, person TEXT NOT NULL, versjon BIGINT NOT NULL,
    ansvarlig_enhet TEXT NOT NULL CHECK (ansvarlig_enhet <> ''),
    tilstand TEXT NOT NULL CHECK (tilstand IN ('APEN', 'LUKKET')),
    nokkel TEXT NOT NULL, frist BIGINT, innhold TEXT NOT NULL,
    fra BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX forvaltning_person ON forvaltning (person, id);
CREATE UNIQUE INDEX forvaltning_en_apen ON forvaltning (person, nokkel) WHERE tilstand = 'APEN';

-- What persons say (src/brukererfaring.rs); open until it is answered.
CREATE TABLE brukererfaring (
    id TEXT PRIMARY KEY, person TEXT NOT NULL, versjon BIGINT NOT NULL,
    ansvarlig_enhet TEXT NOT NULL CHECK (ansvarlig_enhet <> ''),
    tilstand TEXT NOT NULL CHECK (tilstand IN ('APEN', 'LUKKET')),
    nokkel TEXT NOT NULL, frist BIGINT, innhold TEXT NOT NULL,
    fra BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX brukererfaring_person ON brukererfaring (person, id);
CREATE INDEX brukererfaring_person_apen ON brukererfaring (person) WHERE tilstand = 'APEN';
CREATE INDEX brukererfaring_apen ON brukererfaring (ansvarlig_enhet, id) WHERE tilstand = 'APEN';
