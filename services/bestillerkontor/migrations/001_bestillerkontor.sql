-- Applications. One row per application; what nothing queries is in `innhold`.
CREATE TABLE soknad (
    id TEXT PRIMARY KEY,
    person TEXT NOT NULL,
    versjon BIGINT NOT NULL,
    tilstand TEXT NOT NULL CHECK (tilstand IN
        ('MOTTATT', 'UNDER_KARTLEGGING', 'KLAR', 'VEDTATT', 'TRUKKET', 'HENLAGT')),
    ansvarlig_enhet TEXT NOT NULL CHECK (ansvarlig_enhet <> ''),
    innhold TEXT NOT NULL
);
CREATE INDEX soknad_person ON soknad (person, id);
CREATE INDEX soknad_enhet ON soknad (ansvarlig_enhet, tilstand, id);
CREATE INDEX soknad_apen ON soknad (ansvarlig_enhet, id)
    WHERE tilstand IN ('MOTTATT', 'UNDER_KARTLEGGING', 'KLAR');

-- Decisions. One samlet vedtak per application; past the draft it always has a
-- unit with the main responsibility.
CREATE TABLE vedtak (
    id TEXT PRIMARY KEY,
    person TEXT NOT NULL,
    versjon BIGINT NOT NULL,
    tilstand TEXT NOT NULL CHECK (tilstand IN
        ('UTKAST', 'TIL_GODKJENNING', 'FATTET', 'UNDERRETTET', 'IVERKSATT', 'OPPHORT', 'UTLOPT')),
    ansvarlig_enhet TEXT NOT NULL CHECK (ansvarlig_enhet <> ''),
    soknad TEXT NOT NULL UNIQUE REFERENCES soknad (id),
    hovedansvarlig TEXT NOT NULL,
    innhold TEXT NOT NULL,
    CHECK (tilstand = 'UTKAST' OR hovedansvarlig <> '')
);
CREATE INDEX vedtak_person ON vedtak (person, id);

-- Exactly one unit has the main responsibility for a person, however many of
-- the person's vedtak are in force (`antall`).
CREATE TABLE hovedansvar (
    person TEXT PRIMARY KEY,
    enhet TEXT NOT NULL CHECK (enhet <> ''),
    antall BIGINT NOT NULL CHECK (antall > 0)
);

-- Orders. The responsible unit is never empty: the unit from when it accepts
-- until it ends, the one that ordered before and after a decline (I3).
CREATE TABLE oppdrag (
    id TEXT PRIMARY KEY,
    person TEXT NOT NULL,
    versjon BIGINT NOT NULL,
    tilstand TEXT NOT NULL CHECK (tilstand IN
        ('TILBUDT', 'AKSEPTERT', 'AVVIST', 'STARTET', 'PAUSET', 'AVSLUTTET')),
    vedtak TEXT NOT NULL REFERENCES vedtak (id),
    linje_id TEXT NOT NULL,
    bestiller TEXT NOT NULL CHECK (bestiller <> ''),
    enhet TEXT NOT NULL CHECK (enhet <> ''),
    ansvarlig_enhet TEXT NOT NULL CHECK (ansvarlig_enhet <> ''),
    innhold TEXT NOT NULL,
    UNIQUE (vedtak, linje_id, enhet),
    CHECK (tilstand NOT IN ('AKSEPTERT', 'STARTET', 'PAUSET') OR ansvarlig_enhet = enhet),
    CHECK (tilstand NOT IN ('TILBUDT', 'AVVIST') OR ansvarlig_enhet = bestiller)
);
CREATE INDEX oppdrag_person ON oppdrag (person, id);
CREATE INDEX oppdrag_enhet ON oppdrag (enhet, tilstand, id);
CREATE INDEX oppdrag_apent ON oppdrag (enhet, id)
    WHERE tilstand IN ('TILBUDT', 'AKSEPTERT', 'STARTET', 'PAUSET');
