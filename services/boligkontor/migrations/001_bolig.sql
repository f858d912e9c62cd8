-- The stock (src/bolig).
CREATE TABLE bolig (
    id TEXT PRIMARY KEY,
    versjon BIGINT NOT NULL,
    -- Number in the municipality's own register.
    nokkel TEXT NOT NULL UNIQUE,
    tildelingstype TEXT NOT NULL CHECK (tildelingstype <> ''),
    omrade TEXT NOT NULL,
    tilstand TEXT NOT NULL CHECK (tilstand IN
        ('LEDIG', 'RESERVERT', 'UTLEID', 'KLARGJORES', 'UTE_AV_DRIFT', 'AVVIKLET')),
    siden BIGINT NOT NULL,
    innhold TEXT NOT NULL
);
CREATE INDEX bolig_type ON bolig (tildelingstype, tilstand, nokkel);
CREATE INDEX bolig_omrade ON bolig (tildelingstype, tilstand, omrade, nokkel);

-- Who has a dwelling: a reservation or a tenancy, never two (I4). The key says
-- so, whoever races, and a reservation becomes a tenancy in its place.
CREATE TABLE belegg (
    bolig TEXT PRIMARY KEY REFERENCES bolig (id),
    post TEXT NOT NULL UNIQUE CHECK (post <> ''),
    siden BIGINT NOT NULL
);

-- When a dwelling stood empty, and why. At most one period is open.
CREATE TABLE tomgang (
    id TEXT PRIMARY KEY,
    bolig TEXT NOT NULL REFERENCES bolig (id),
    arsak TEXT NOT NULL CHECK (arsak <> ''),
    merknad TEXT NOT NULL,
    fra BIGINT NOT NULL,
    til BIGINT CHECK (til >= fra),
    kostnad_per_dag BIGINT NOT NULL CHECK (kostnad_per_dag >= 0)
);
CREATE UNIQUE INDEX tomgang_en_apen ON tomgang (bolig) WHERE til IS NULL;
CREATE INDEX tomgang_fra ON tomgang (fra, id);

-- Reservations and offers (src/reservasjon).
CREATE TABLE reservasjon (
    id TEXT PRIMARY KEY, person TEXT NOT NULL, versjon BIGINT NOT NULL,
    ansvarlig_enhet TEXT NOT NULL CHECK (ansvarlig_enhet <> ''),
    tilstand TEXT NOT NULL CHECK (tilstand IN ('APEN', 'LUKKET')),
    nokkel TEXT NOT NULL, frist BIGINT, innhold TEXT NOT NULL,
    fra BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX reservasjon_person ON reservasjon (person, id);
CREATE INDEX reservasjon_enhet ON reservasjon (ansvarlig_enhet, id) WHERE tilstand = 'APEN';
CREATE INDEX reservasjon_apen ON reservasjon (person) WHERE tilstand = 'APEN';
