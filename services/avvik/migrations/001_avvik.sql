-- Avvik (src/avvik). What an avvik lacks before it ends stands in columns, so
-- that none is closed without feedback and effect checks, whatever wrote it (I6).
CREATE TABLE avvik (
    id TEXT PRIMARY KEY,
    versjon BIGINT NOT NULL,
    tilstand TEXT NOT NULL
        CHECK (tilstand IN ('MELDT', 'UNDER_BEHANDLING', 'PA_VENT', 'LUKKET', 'DUPLIKAT')),
    melder_enhet TEXT NOT NULL CHECK (melder_enhet <> ''),
    ansvarlig_enhet TEXT NOT NULL CHECK (ansvarlig_enhet <> ''),
    meldt BIGINT NOT NULL,
    apne_deler BIGINT NOT NULL,
    apne_tiltak BIGINT NOT NULL,
    tilbakemeldt BIGINT,
    innhold TEXT NOT NULL,
    CHECK (tilstand <> 'LUKKET'
        OR (tilbakemeldt IS NOT NULL AND apne_deler = 0 AND apne_tiltak = 0))
);

-- Which units are party to an avvik, and for whom it waits.
CREATE TABLE avvikspart (
    avvik TEXT NOT NULL REFERENCES avvik (id),
    enhet TEXT NOT NULL CHECK (enhet <> ''),
    meldt BIGINT NOT NULL,
    tilstand TEXT NOT NULL,
    venter BIGINT NOT NULL CHECK (venter IN (0, 1)),
    PRIMARY KEY (avvik, enhet)
);
CREATE INDEX avvikspart_enhet ON avvikspart (enhet, meldt, avvik);
CREATE INDEX avvikspart_tilstand ON avvikspart (enhet, tilstand, meldt, avvik);
CREATE INDEX avvikspart_venter ON avvikspart (enhet, meldt, avvik) WHERE venter = 1;

-- What an avvik says about persons (src/detalj.rs).
CREATE TABLE avviksdetalj (
    id TEXT PRIMARY KEY,
    avvik TEXT NOT NULL UNIQUE REFERENCES avvik (id),
    melder_enhet TEXT NOT NULL,
    innhold TEXT NOT NULL
);
CREATE TABLE avviksvedlegg (
    detalj TEXT NOT NULL REFERENCES avviksdetalj (id),
    nr BIGINT NOT NULL,
    helse BIGINT NOT NULL CHECK (helse IN (0, 1)),
    navn TEXT NOT NULL,
    innhold TEXT NOT NULL,
    PRIMARY KEY (detalj, nr)
);

-- The inbox of reporters (src/melding.rs).
CREATE TABLE avviksmelding (
    id TEXT PRIMARY KEY,
    mottaker TEXT NOT NULL,
    avvik TEXT NOT NULL,
    steg TEXT NOT NULL,
    enhet TEXT NOT NULL,
    tid BIGINT NOT NULL,
    kvittert BIGINT
);
CREATE INDEX avviksmelding_venter ON avviksmelding (mottaker, id) WHERE kvittert IS NULL;
