-- Lists of ids are JSON arrays, who acted is a JSON object.
CREATE TABLE vern (
    id TEXT PRIMARY KEY,
    person TEXT NOT NULL REFERENCES person (id),
    versjon BIGINT NOT NULL,
    type TEXT NOT NULL,
    eier TEXT NOT NULL,
    mandat_enheter TEXT NOT NULL,
    mandat_ansatte TEXT NOT NULL,
    parter_enheter TEXT NOT NULL,
    parter_ansatte TEXT NOT NULL,
    parter_alle BIGINT NOT NULL,
    lov TEXT NOT NULL,
    paragraf TEXT NOT NULL,
    begrunnelse TEXT NOT NULL,
    tilstand TEXT NOT NULL,
    foreslatt BIGINT NOT NULL,
    foreslatt_av TEXT NOT NULL,
    avgjort BIGINT,
    avgjort_av TEXT,
    forslag BIGINT,
    forslag_av TEXT,
    forslag_begrunnelse TEXT,
    opphevet BIGINT,
    opphevet_av TEXT
);
CREATE INDEX vern_person ON vern (person, id);
CREATE UNIQUE INDEX vern_en_adresse ON vern (person, type)
    WHERE type IN ('FORTROLIG_ADRESSE', 'STRENGT_FORTROLIG_ADRESSE')
    AND tilstand IN ('FORESLATT', 'GJELDENDE', 'OPPHEVING_FORESLATT');

-- Read model of the events that bestillerkontor addresses to this unit: which
-- unit answers for each open need.
CREATE TABLE ansvar (
    post TEXT PRIMARY KEY,
    person TEXT NOT NULL,
    enhet TEXT NOT NULL
);
CREATE INDEX ansvar_person ON ansvar (person);
