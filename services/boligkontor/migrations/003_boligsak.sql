-- Applications (src/boligsak).
CREATE TABLE boligsak (
    id TEXT PRIMARY KEY, person TEXT NOT NULL, versjon BIGINT NOT NULL,
    ansvarlig_enhet TEXT NOT NULL CHECK (ansvarlig_enhet <> ''),
    tilstand TEXT NOT NULL CHECK (tilstand IN ('APEN', 'LUKKET')),
    nokkel TEXT NOT NULL, frist BIGINT, innhold TEXT NOT NULL,
    fra BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX boligsak_person ON boligsak (person, id);
CREATE INDEX boligsak_enhet ON boligsak (ansvarlig_enhet, id) WHERE tilstand = 'APEN';
CREATE INDEX boligsak_apen ON boligsak (person) WHERE tilstand = 'APEN';

-- Every version, as it was stored.
CREATE TABLE boligsak_versjon (
    sak TEXT NOT NULL REFERENCES boligsak (id),
    versjon BIGINT NOT NULL,
    innhold TEXT NOT NULL,
    PRIMARY KEY (sak, versjon)
);

-- Who stood on the list, in which version, from when to when: what a ranking
-- reads, of today and of any past day. `til` is after everything while it lasts.
CREATE TABLE ko (
    sak TEXT NOT NULL REFERENCES boligsak (id),
    versjon BIGINT NOT NULL,
    person TEXT NOT NULL,
    enhet TEXT NOT NULL,
    tildelingstype TEXT NOT NULL CHECK (tildelingstype <> ''),
    fra BIGINT NOT NULL,
    til BIGINT NOT NULL CHECK (til >= fra),
    siden BIGINT NOT NULL,
    grunner TEXT NOT NULL,
    behov TEXT NOT NULL,
    -- It ended with a dwelling.
    tildelt BIGINT NOT NULL DEFAULT 0 CHECK (tildelt IN (0, 1)),
    PRIMARY KEY (sak, versjon)
);
CREATE UNIQUE INDEX ko_en_apen ON ko (sak) WHERE til = 9223372036854775807;
CREATE INDEX ko_type ON ko (tildelingstype, til);
CREATE INDEX ko_tildelt ON ko (tildelingstype, til) WHERE tildelt = 1;
