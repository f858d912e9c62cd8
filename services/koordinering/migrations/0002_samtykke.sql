CREATE TABLE samtykke (
    id TEXT PRIMARY KEY,
    person TEXT NOT NULL REFERENCES person (id),
    versjon BIGINT NOT NULL,
    enhet TEXT NOT NULL,
    rolle BIGINT NOT NULL,
    -- Bit n is Dataklasse n. Never JOURNAL (10), STRAFF (13), TREDJEPART (15)
    -- or VURDERING (16).
    klasser BIGINT NOT NULL CHECK (klasser > 0 AND (klasser & 107520) = 0),
    formal BIGINT NOT NULL,
    fra BIGINT NOT NULL,
    til BIGINT NOT NULL CHECK (til > fra),
    form BIGINT NOT NULL,
    innhentet BIGINT NOT NULL,
    eier TEXT NOT NULL,
    registrert_av TEXT NOT NULL,
    trukket BIGINT,
    trukket_av TEXT,
    CHECK ((trukket IS NULL) = (trukket_av IS NULL))
);
CREATE INDEX samtykke_person ON samtykke (person, id);

CREATE TABLE reservasjon (
    id TEXT PRIMARY KEY,
    person TEXT NOT NULL REFERENCES person (id),
    versjon BIGINT NOT NULL,
    -- Unit id, or * for every unit.
    mot TEXT NOT NULL,
    form BIGINT NOT NULL,
    innhentet BIGINT NOT NULL,
    eier TEXT NOT NULL,
    registrert_av TEXT NOT NULL,
    fra BIGINT NOT NULL,
    opphevet BIGINT,
    opphevet_av TEXT,
    CHECK ((opphevet IS NULL) = (opphevet_av IS NULL))
);
CREATE INDEX reservasjon_person ON reservasjon (person, id);
CREATE UNIQUE INDEX reservasjon_en_gjeldende ON reservasjon (person, mot) WHERE opphevet IS NULL;
