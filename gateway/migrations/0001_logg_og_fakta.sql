-- The one row that every log batch and every fact change takes first. It
-- counts log rows (next index), fact changes (version of a subject's facts)
-- and removed person keys (generation of cached keys).
CREATE TABLE gw_sekvens (
    id BIGINT NOT NULL PRIMARY KEY CHECK (id = 0),
    logg BIGINT NOT NULL,
    fakta BIGINT NOT NULL,
    nokler BIGINT NOT NULL
);
INSERT INTO gw_sekvens (id, logg, fakta, nokler) VALUES (0, 0, 0, 0);

-- Access log. Rows are added, never changed. `bytes` is the canonical
-- Loggpost, `bladsum` SHA-256(0x00 || bytes); both base64.
CREATE TABLE gw_logg (
    indeks BIGINT NOT NULL PRIMARY KEY,
    tid BIGINT NOT NULL,
    personkode TEXT,
    bladsum TEXT NOT NULL,
    bytes TEXT NOT NULL
);
CREATE INDEX gw_logg_personkode ON gw_logg (personkode, indeks) WHERE personkode IS NOT NULL;

-- A person's own log key. Deleting it unlinks the person's rows.
CREATE TABLE gw_personnokkel (
    person TEXT NOT NULL PRIMARY KEY,
    nokkel TEXT NOT NULL
);

-- Latest version of every fact; `bytes` is the Faktum, base64.
CREATE TABLE gw_faktum (
    tjeneste TEXT NOT NULL,
    id TEXT NOT NULL,
    subjekt TEXT NOT NULL,
    bytes TEXT NOT NULL,
    PRIMARY KEY (tjeneste, id)
);
CREATE INDEX gw_faktum_subjekt ON gw_faktum (subjekt);

-- Number of the last change of a subject's facts, and the subjects that it
-- was ever merged with.
CREATE TABLE gw_subjekt (
    person TEXT NOT NULL PRIMARY KEY,
    versjon BIGINT NOT NULL,
    gruppe TEXT
);
CREATE INDEX gw_subjekt_versjon ON gw_subjekt (versjon);
CREATE INDEX gw_subjekt_gruppe ON gw_subjekt (gruppe) WHERE gruppe IS NOT NULL;

-- Last number applied from a service's fact feed.
CREATE TABLE gw_posisjon (
    tjeneste TEXT NOT NULL PRIMARY KEY,
    nr BIGINT NOT NULL
);
