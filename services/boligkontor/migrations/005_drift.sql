-- Works orders (src/arbeidsordre) and neighbours' enquiries
-- (src/nabohenvendelse): records of a dwelling (src/boligpost.rs).
CREATE TABLE arbeidsordre (
    id TEXT PRIMARY KEY, bolig TEXT NOT NULL REFERENCES bolig (id), versjon BIGINT NOT NULL,
    tilstand TEXT NOT NULL CHECK (tilstand IN ('APEN', 'LUKKET')),
    nokkel TEXT NOT NULL, frist BIGINT NOT NULL, innhold TEXT NOT NULL
);
CREATE INDEX arbeidsordre_bolig ON arbeidsordre (bolig, id);
CREATE INDEX arbeidsordre_frist ON arbeidsordre (frist, id) WHERE tilstand = 'APEN';
-- A dwelling is made ready once at a time.
CREATE UNIQUE INDEX arbeidsordre_en_klargjoring ON arbeidsordre (bolig)
    WHERE tilstand = 'APEN' AND nokkel = 'KLARGJORING';

CREATE TABLE nabohenvendelse (
    id TEXT PRIMARY KEY, bolig TEXT NOT NULL REFERENCES bolig (id), versjon BIGINT NOT NULL,
    tilstand TEXT NOT NULL CHECK (tilstand IN ('APEN', 'LUKKET')),
    nokkel TEXT NOT NULL, frist BIGINT NOT NULL, innhold TEXT NOT NULL
);
CREATE INDEX nabohenvendelse_bolig ON nabohenvendelse (bolig, id);
CREATE INDEX nabohenvendelse_frist ON nabohenvendelse (frist, id) WHERE tilstand = 'APEN';

-- Concerns about tenants (src/bekymring.rs).
CREATE TABLE bekymring (
    id TEXT PRIMARY KEY, person TEXT NOT NULL, versjon BIGINT NOT NULL,
    ansvarlig_enhet TEXT NOT NULL CHECK (ansvarlig_enhet <> ''),
    tilstand TEXT NOT NULL CHECK (tilstand IN ('APEN', 'LUKKET')),
    nokkel TEXT NOT NULL, frist BIGINT, innhold TEXT NOT NULL,
    fra BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX bekymring_person ON bekymring (person, id);
