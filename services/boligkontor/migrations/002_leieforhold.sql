-- Tenancies (src/leieforhold); `nokkel` is the dwelling, which is let once.
CREATE TABLE leieforhold (
    id TEXT PRIMARY KEY, person TEXT NOT NULL, versjon BIGINT NOT NULL,
    ansvarlig_enhet TEXT NOT NULL CHECK (ansvarlig_enhet <> ''),
    tilstand TEXT NOT NULL CHECK (tilstand IN ('APEN', 'LUKKET')),
    nokkel TEXT NOT NULL, frist BIGINT, innhold TEXT NOT NULL,
    fra BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX leieforhold_person ON leieforhold (person, id);
CREATE INDEX leieforhold_enhet ON leieforhold (ansvarlig_enhet, id) WHERE tilstand = 'APEN';
CREATE INDEX leieforhold_apen ON leieforhold (person) WHERE tilstand = 'APEN';
CREATE UNIQUE INDEX leieforhold_en_apen ON leieforhold (nokkel) WHERE tilstand = 'APEN';

-- Arrears and joint cases (src/restansesak); `nokkel` is the tenancy, which has
-- one open case.
CREATE TABLE restansesak (
    id TEXT PRIMARY KEY, person TEXT NOT NULL, versjon BIGINT NOT NULL,
    ansvarlig_enhet TEXT NOT NULL CHECK (ansvarlig_enhet <> ''),
    tilstand TEXT NOT NULL CHECK (tilstand IN ('APEN', 'LUKKET')),
    nokkel TEXT NOT NULL, frist BIGINT, innhold TEXT NOT NULL,
    fra BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX restansesak_person ON restansesak (person, id);
CREATE INDEX restansesak_enhet ON restansesak (ansvarlig_enhet, id) WHERE tilstand = 'APEN';
CREATE INDEX restansesak_apen ON restansesak (person) WHERE tilstand = 'APEN';
CREATE UNIQUE INDEX restansesak_en_apen ON restansesak (nokkel) WHERE tilstand = 'APEN';
