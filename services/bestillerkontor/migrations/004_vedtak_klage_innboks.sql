-- Several units may decide on one application, each its own lines, so a vedtak
-- is one per application and unit, but for discarded drafts. A short service has no vedtak. An order can
-- be offered anew to a unit once the earlier one has ended.
CREATE TABLE vedtak_ny (
    id TEXT PRIMARY KEY,
    person TEXT NOT NULL,
    versjon BIGINT NOT NULL,
    tilstand TEXT NOT NULL CHECK (tilstand IN
        ('UTKAST', 'TIL_GODKJENNING', 'FATTET', 'UNDERRETTET', 'IVERKSATT', 'OPPHORT', 'UTLOPT',
         'FORKASTET')),
    ansvarlig_enhet TEXT NOT NULL CHECK (ansvarlig_enhet <> ''),
    soknad TEXT NOT NULL REFERENCES soknad (id),
    hovedansvarlig TEXT NOT NULL,
    innhold TEXT NOT NULL,
    -- It grants something; a vedtak of refusals alone has nobody who delivers.
    innvilger BIGINT NOT NULL DEFAULT 1 CHECK (innvilger IN (0, 1)),
    CHECK (tilstand IN ('UTKAST', 'FORKASTET') OR hovedansvarlig <> '' OR innvilger = 0)
);
INSERT INTO vedtak_ny (id, person, versjon, tilstand, ansvarlig_enhet, soknad, hovedansvarlig,
        innhold)
    SELECT id, person, versjon, tilstand, ansvarlig_enhet, soknad, hovedansvarlig, innhold
    FROM vedtak;
CREATE TABLE oppdrag_ny (
    id TEXT PRIMARY KEY,
    person TEXT NOT NULL,
    versjon BIGINT NOT NULL,
    tilstand TEXT NOT NULL CHECK (tilstand IN
        ('TILBUDT', 'AKSEPTERT', 'AVVIST', 'STARTET', 'PAUSET', 'AVSLUTTET')),
    vedtak TEXT REFERENCES vedtak_ny (id),
    linje_id TEXT NOT NULL,
    bestiller TEXT NOT NULL CHECK (bestiller <> ''),
    enhet TEXT NOT NULL CHECK (enhet <> ''),
    ansvarlig_enhet TEXT NOT NULL CHECK (ansvarlig_enhet <> ''),
    innhold TEXT NOT NULL,
    CHECK (tilstand NOT IN ('AKSEPTERT', 'STARTET', 'PAUSET') OR ansvarlig_enhet = enhet),
    CHECK (tilstand NOT IN ('TILBUDT', 'AVVIST') OR ansvarlig_enhet = bestiller)
);
INSERT INTO oppdrag_ny
    SELECT id, person, versjon, tilstand, vedtak, linje_id, bestiller, enhet, ansvarlig_enhet,
        innhold
    FROM oppdrag;
DROP TABLE oppdrag;
DROP TABLE vedtak;
ALTER TABLE vedtak_ny RENAME TO vedtak;
ALTER TABLE oppdrag_ny RENAME TO oppdrag;
CREATE INDEX vedtak_person ON vedtak (person, id);
-- One per application and unit, and any number of drafts that were discarded.
CREATE UNIQUE INDEX vedtak_ett ON vedtak (soknad, ansvarlig_enhet)
    WHERE tilstand <> 'FORKASTET';
CREATE INDEX vedtak_soknad ON vedtak (soknad, id);
CREATE INDEX oppdrag_person ON oppdrag (person, id);
CREATE INDEX oppdrag_vedtak ON oppdrag (vedtak, id);
CREATE INDEX oppdrag_enhet ON oppdrag (enhet, tilstand, id);
CREATE INDEX oppdrag_apent ON oppdrag (enhet, id)
    WHERE tilstand IN ('TILBUDT', 'AKSEPTERT', 'STARTET', 'PAUSET');
CREATE UNIQUE INDEX oppdrag_ett_apent ON oppdrag (vedtak, linje_id, enhet)
    WHERE tilstand IN ('TILBUDT', 'AKSEPTERT', 'STARTET', 'PAUSET');

-- What a vedtak said before an amendment.
CREATE TABLE vedtak_versjon (
    vedtak TEXT NOT NULL REFERENCES vedtak (id),
    nr BIGINT NOT NULL,
    innhold TEXT NOT NULL,
    PRIMARY KEY (vedtak, nr)
);

CREATE TABLE klage (
    id TEXT PRIMARY KEY,
    person TEXT NOT NULL,
    versjon BIGINT NOT NULL,
    tilstand TEXT NOT NULL CHECK (tilstand IN
        ('MOTTATT', 'OMGJORT', 'OPPRETTHOLDT', 'OVERSENDT', 'AVGJORT', 'TRUKKET')),
    ansvarlig_enhet TEXT NOT NULL CHECK (ansvarlig_enhet <> ''),
    vedtak TEXT NOT NULL REFERENCES vedtak (id),
    innhold TEXT NOT NULL
);
CREATE INDEX klage_person ON klage (person, id);
-- One open klage over a vedtak at a time.
CREATE UNIQUE INDEX klage_ett_apent ON klage (vedtak)
    WHERE tilstand IN ('MOTTATT', 'OPPRETTHOLDT', 'OVERSENDT');

-- Work lists: a row for each unit that sees that something waits. Follows the
-- deadlines of the records, in the transaction that sets and clears them.
CREATE TABLE ventepost (
    id TEXT PRIMARY KEY,
    enhet TEXT NOT NULL CHECK (enhet <> ''),
    post TEXT NOT NULL,
    type TEXT NOT NULL,
    person TEXT NOT NULL,
    venter_pa TEXT NOT NULL CHECK (venter_pa <> ''),
    siden BIGINT NOT NULL,
    frist BIGINT NOT NULL,
    brutt BIGINT NOT NULL,
    UNIQUE (post, type, enhet)
);
CREATE INDEX ventepost_enhet ON ventepost (enhet, frist, id);
